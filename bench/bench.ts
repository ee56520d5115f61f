/**
 * npm run bench -- [--quick|--full] [--against NAME=PATH]… [--out FOLDER]
 * Measures docker-cni beside bare runc, Docker's own bridge network and the least that a script could do, in one run.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { waitFor } from "../test/e2e/harness/shell.ts";
import { ownProcesses } from "../test/e2e/harness/traces.ts";
import { chart } from "./chart.ts";
import { rowsOf } from "./goals.ts";
import { CROWD, startBenchHost, type BenchHost, type Rival } from "./host.ts";
import { describeMachine } from "./machine.ts";
import {
  besideMeasures,
  callMeasure,
  FULL,
  measuresOf,
  peakMemory,
  QUICK,
  USUAL,
} from "./measures.ts";
import { runMetered, type Samples } from "./run.ts";
import { summarize } from "./stats.ts";

const { values } = parseArgs({
  options: {
    full: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    against: { type: "string", multiple: true, default: [] },
    out: { type: "string", default: "dist/bench" },
  },
});
const rivals = values.against.map(parseRival);
const effort = values.full ? FULL : values.quick ? QUICK : USUAL;

const bench = await startBenchHost(rivals);
try {
  const machine = describeMachine(bench.runc);
  print(
    `${machine.cores} cores of ${machine.cpu}, Linux ${machine.kernel}, ${machine.docker}, ${machine.runc}, load ${machine.load.toFixed(1)}`,
  );
  const measures = [
    await callMeasure(bench, effort),
    ...measuresOf(bench, { effort, rivals: rivals.map(({ name }) => name) }),
    ...besideMeasures(bench, effort),
  ];
  const samples: Record<string, Samples> = {};
  const cpu: Record<string, Samples> = {};
  for (const measure of measures) {
    const taken = await runMetered(measure, () => settled(bench));
    samples[measure.name] = taken.samples;
    cpu[measure.name] = taken.cpu;
    printSamples(measure.name, taken.samples);
  }
  const results = {
    samples,
    peakMb: await peakMemory(bench),
    burstSize: effort.burstSize,
    crowd: CROWD,
    neighbours: effort.neighbours,
  };
  const rows = rowsOf(results);
  for (const { what, goal, figure, reached } of rows) {
    print(
      `\n${reached ? "reached" : "MISSED "}  ${what}\n         goal: ${goal}\n         seen: ${figure}`,
    );
  }
  print(`\nCPU time of the machine for each of ${effort.burstSize} at once, ms: ${cpuOfEach(cpu)}`);
  mkdirSync(values.out, { recursive: true });
  const file = join(values.out, "bench.json");
  writeFileSync(file, `${JSON.stringify({ machine, effort, rows, ...results, cpu }, null, 2)}\n`);
  writeFileSync(join(values.out, "bench.svg"), chart(samples));
  print(`\nall samples: ${file}; chart: ${join(values.out, "bench.svg")}`);
} finally {
  bench.engine.close();
  await bench.host.stop();
}

/** Nothing of the last sample is at work any more when the next one begins. */
async function settled({ host }: BenchHost): Promise<void> {
  await waitFor("the last operation's processes end", () =>
    ownProcesses(host.place).length === 0 ? true : undefined,
  );
}

function cpuOfEach(cpu: Record<string, Samples>): string {
  return Object.entries(cpu["burst"] ?? {})
    .map(
      ([variant, list]) => `${variant} ${(summarize(list).median / effort.burstSize).toFixed(0)}`,
    )
    .join(", ");
}

function printSamples(measure: string, samples: Samples): void {
  print(`\n${measure}: median (quartiles), ms`);
  for (const [variant, list] of Object.entries(samples)) {
    const { n, median, low, high } = summarize(list);
    print(
      `  ${variant.padEnd(10)} ${median.toFixed(1).padStart(8)}  (${low.toFixed(1)} to ${high.toFixed(1)}, ${n} runs)`,
    );
  }
}

function parseRival(text: string): Rival {
  const [, name, path] = /^([\w-]+)=(\/.+)$/.exec(text) ?? [];
  if (name === undefined || path === undefined) {
    throw new Error(`--against takes NAME=/PATH/OF/RUNTIME, not ${text}`);
  }
  return { name, path };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
