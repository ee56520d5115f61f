/**
 * npm run bench:startup -- [--rounds N]
 * Where the time of a `create` goes: the medians of the program's own traces, a new container's and a kept one's, and in front
 * what the launcher adds to a call.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readTrace, type Stage, type Trace } from "../src/lib/trace.ts";
import { waterfall } from "../src/lib/waterfall.ts";
import { startBenchHost, type BenchHost } from "./host.ts";
import { callMeasure, USUAL } from "./measures.ts";
import { runMeasure } from "./run.ts";
import { medianOver, summarize } from "./stats.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "15" } } });
const rounds = Number(values.rounds);

const bench = await startBenchHost([]);
try {
  const calls = await runMeasure(
    await callMeasure(bench, { ...USUAL, calls: rounds * 2 }),
    async () => {},
  );
  const launcher = medianOver(calls["cni"] ?? [], calls["bare"] ?? []);
  const fresh: Trace[] = [];
  const kept: Trace[] = [];
  for (let round = -1; round < rounds; round++) {
    const [first, second] = await traceStarts(bench);
    if (round < 0) continue;
    fresh.push(first);
    kept.push(second);
  }
  print(`launcher: ${launcher.toFixed(1)} ms in front of every call\n`);
  print(`A new container, medians of ${rounds}:\n${waterfall(medianTrace(fresh)).join("\n")}\n`);
  print(`A kept container, medians of ${rounds}:\n${waterfall(medianTrace(kept)).join("\n")}`);
} finally {
  bench.engine.close();
  await bench.host.stop();
}

/** The traces of a container's first start and of its second one. */
async function traceStarts({ engine, variants, host }: BenchHost): Promise<[Trace, Trace]> {
  const variant = variants["cni"] ?? { runtime: "cni", networkMode: "none" };
  const id = await engine.create(variant, ["sleep", "3600"]);
  const started = async (): Promise<Trace> => {
    await engine.start(id);
    const trace = readTrace(join(host.place.dir, "state/sandboxes", id));
    if (trace === undefined) throw new Error(`no trace of ${id}`);
    return trace;
  };
  const first = await started();
  const end = engine.wait(id, "not-running");
  await engine.kill(id);
  await end;
  const second = await started();
  await engine.remove(id);
  return [first, second];
}

/** The stages that most of the traces have, each with its median beginning and length; one that comes twice counts twice. */
function medianTrace(traces: readonly Trace[]): Trace {
  const all = new Map<string, Stage[]>();
  for (const { stages } of traces) {
    const seen = new Map<string, number>();
    for (const stage of stages) {
      const count = (seen.get(stage.name) ?? 0) + 1;
      seen.set(stage.name, count);
      const name = count === 1 ? stage.name : `${stage.name} (${count})`;
      all.set(name, [...(all.get(name) ?? []), stage]);
    }
  }
  return {
    operation: "create",
    at: traces.at(-1)?.at ?? "",
    ms: median(traces.map(({ ms }) => ms)),
    peakMb: median(traces.map(({ peakMb }) => peakMb)),
    cpuMs: median(traces.map(({ cpuMs }) => cpuMs)),
    stages: [...all]
      .filter(([, stages]) => stages.length > traces.length / 2)
      .map(([name, stages]) => ({
        name,
        start: median(stages.map(({ start }) => start)),
        ms: median(stages.map(({ ms }) => ms)),
      }))
      .toSorted((a, b) => a.start - b.start),
  };
}

function median(list: readonly number[]): number {
  return summarize(list).median;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
