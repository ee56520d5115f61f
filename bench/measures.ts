import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { readTrace } from "../src/lib/trace.ts";
import type { BenchHost } from "./host.ts";

/** How often things are measured. */
export interface Effort {
  rounds: number;
  calls: number;
  bursts: number;
  burstSize: number;
  /** How many containers run on the network that a start is measured on. */
  neighbours: number;
}

/** About a minute: enough to see that something has become much slower. */
export const QUICK: Effort = { rounds: 4, calls: 30, bursts: 1, burstSize: 25, neighbours: 60 };
export const USUAL: Effort = { rounds: 12, calls: 60, bursts: 2, burstSize: 50, neighbours: 240 };
export const FULL: Effort = { rounds: 60, calls: 300, bursts: 5, burstSize: 50, neighbours: 240 };

/** Something that is measured for several variants in turns. Samples are milliseconds unless the name tells otherwise. */
export interface Measure {
  name: string;
  variants: readonly string[];
  rounds: number;
  warmUp: number;
  /** What is there while it is measured; gives what takes it away. */
  prepare?: () => Promise<() => Promise<void>>;
  sample(variant: string): Promise<number>;
}

const SLEEP = ["sleep", "3600"];

/** Every measure, for the variants of a comparison (`cni` and its rivals). */
export function measuresOf(
  bench: BenchHost,
  { effort, rivals }: { effort: Effort; rivals: readonly string[] },
): Measure[] {
  const compared = ["bare", "bridge", "floor", "cni", ...rivals];
  const { rounds } = effort;
  return [
    {
      name: "start",
      variants: [...compared, "crowded"],
      rounds,
      warmUp: 2,
      sample: (variant) => startNew(bench, variant),
    },
    {
      name: "restart",
      variants: ["bare", "bridge", "cni", "node", ...rivals],
      rounds,
      warmUp: 2,
      sample: (variant) =>
        variant === "node" ? Promise.resolve(emptyNode()) : startAgain(bench, variant),
    },
    {
      name: "stop",
      variants: ["bare", "bridge", "cni", ...rivals],
      rounds,
      warmUp: 2,
      sample: (variant) => stop(bench, variant),
    },
    {
      name: "life",
      variants: compared,
      rounds,
      warmUp: 2,
      sample: (variant) => life(bench, variant),
    },
    {
      name: "burst",
      variants: compared,
      rounds: effort.bursts,
      warmUp: 0,
      sample: (variant) => burst(bench, variant, effort.burstSize),
    },
  ];
}

/**
 * A start beside many containers that run on the same network, for each of the runtimes that give one: beside bare containers too, so
 * that what the machine does more slowly then is told apart.
 */
export function besideMeasures(bench: BenchHost, { rounds, neighbours }: Effort): Measure[] {
  return ["bridge", "cni"].map((kind) => ({
    name: `beside ${kind}`,
    variants: ["bare", kind],
    rounds,
    warmUp: 2,
    prepare: async () => {
      const ids = await inTurns(neighbours, async () => {
        const id = await bench.engine.create(variantOf(bench, kind), SLEEP);
        await bench.engine.start(id);
        return id;
      });
      return async () =>
        void (await inTurns(ids.length, (place) => bench.engine.remove(ids[place] ?? "")));
    },
    sample: (variant) => startNew(bench, variant),
  }));
}

/** Does something `count` times, four at once. */
async function inTurns<Item>(
  count: number,
  work: (place: number) => Promise<Item>,
): Promise<Item[]> {
  const items: Item[] = [];
  for (let from = 0; from < count; from += 4) {
    const places = Array.from({ length: Math.min(4, count - from) }, (_, index) => from + index);
    items.push(...(await Promise.all(places.map(work))));
  }
  return items;
}

/** A runtime call that is neither `create` nor `delete`, without Docker around it. */
export async function callMeasure(bench: BenchHost, effort: Effort): Promise<Measure> {
  // One of docker-cni's: of others it does not know which runtime made them, and has to read its configuration.
  const id = await bench.engine.create(variantOf(bench, "cni"), SLEEP);
  await bench.engine.start(id);
  const { dir } = bench.host.place;
  const call = ["--root", join(dir, "exec/runtime-runc/moby"), "state", id];
  return {
    name: "call",
    variants: ["bare", "cni"],
    rounds: effort.calls,
    warmUp: 3,
    sample: (variant) =>
      Promise.resolve(timed(variant === "bare" ? bench.runc : bench.launcher, call)),
  };
}

/** Peak memory of the program while it made a container, MB. */
export async function peakMemory(bench: BenchHost): Promise<number> {
  const { engine, host } = bench;
  const id = await engine.create(variantOf(bench, "cni"), SLEEP);
  await engine.start(id);
  const trace = readTrace(join(host.place.dir, "state/sandboxes", id));
  await engine.remove(id);
  return trace?.peakMb ?? Number.NaN;
}

async function startNew(bench: BenchHost, variant: string): Promise<number> {
  const { engine } = bench;
  const id = await engine.create(variantOf(bench, variant), SLEEP);
  const ms = await clocked(() => engine.start(id));
  await engine.remove(id);
  return ms;
}

async function startAgain(bench: BenchHost, variant: string): Promise<number> {
  const { engine } = bench;
  const id = await engine.create(variantOf(bench, variant), SLEEP);
  await engine.start(id);
  await stopped(bench, id);
  const ms = await clocked(() => engine.start(id));
  await engine.remove(id);
  return ms;
}

async function stop(bench: BenchHost, variant: string): Promise<number> {
  const { engine } = bench;
  const id = await engine.create(variantOf(bench, variant), SLEEP);
  await engine.start(id);
  const ms = await clocked(() => stopped(bench, id));
  await engine.remove(id);
  return ms;
}

async function stopped({ engine }: BenchHost, id: string): Promise<void> {
  const end = engine.wait(id, "not-running");
  await engine.kill(id);
  await end;
}

/** `docker run --rm … true`, from creation to removal. */
function life(bench: BenchHost, variant: string): Promise<number> {
  const { engine } = bench;
  return clocked(async () => {
    const id = await engine.create({ ...variantOf(bench, variant), autoRemove: true }, ["true"]);
    const gone = engine.wait(id, "removed");
    await engine.start(id);
    await gone;
  });
}

function burst(bench: BenchHost, variant: string, size: number): Promise<number> {
  return clocked(() => Promise.all(Array.from({ length: size }, () => life(bench, variant))));
}

function emptyNode(): number {
  return timed(process.execPath, ["--eval", ""]);
}

function timed(command: string, args: readonly string[]): number {
  const start = performance.now();
  const { status, error } = spawnSync(command, args, { stdio: "ignore", env: quietEnvironment });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error ?? status}`);
  return performance.now() - start;
}

const quietEnvironment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith("NODE_")),
);

async function clocked(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function variantOf({ variants }: BenchHost, name: string): BenchHost["variants"][string] {
  const variant = variants[name];
  if (variant === undefined) throw new Error(`no variant ${name}`);
  return variant;
}
