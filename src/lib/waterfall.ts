import type { Trace } from "./trace.ts";

const BAR_WIDTH = 40;

/** A trace as lines of text: each stage with its beginning, its length and a bar; then what no stage accounts for. */
export function waterfall(trace: Trace): string[] {
  const nameWidth = Math.max(8, ...trace.stages.map(({ name }) => name.length));
  const line = (name: string, from: string, ms: string, bar: string): string =>
    `${name.padEnd(nameWidth)} ${from.padStart(8)} ${ms.padStart(8)}  ${bar}`.trimEnd();
  const scale = BAR_WIDTH / Math.max(trace.ms, 1);
  return [
    `${trace.operation} at ${trace.at}: ${trace.ms.toFixed(1)} ms, of them ${trace.cpuMs.toFixed(0)} ms CPU time of its own; ${trace.peakMb} MB at most`,
    line("stage", "from ms", "for ms", ""),
    ...trace.stages.map(({ name, start, ms }) => {
      const offset = Math.min(Math.floor(start * scale), BAR_WIDTH - 1);
      const length = Math.max(1, Math.round(ms * scale));
      const bar = " ".repeat(offset) + "█".repeat(Math.min(length, BAR_WIDTH - offset));
      return line(name, start.toFixed(1), ms.toFixed(1), bar);
    }),
    line("between", "", unaccounted(trace).toFixed(1), ""),
  ];
}

/** The ms in which no stage was under way: the program's own work. */
export function unaccounted({ ms, stages }: Trace): number {
  let covered = 0;
  let end = 0;
  for (const stage of stages.toSorted((a, b) => a.start - b.start)) {
    const stageEnd = stage.start + stage.ms;
    covered += Math.max(0, stageEnd - Math.max(end, stage.start));
    end = Math.max(end, stageEnd);
  }
  return Math.max(0, ms - covered);
}
