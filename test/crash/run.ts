import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { randomFrom } from "../soak/random.ts";
import type { Container } from "./container.ts";
import { findDifferences } from "./differences.ts";
import { findLeaks, processesEnd } from "./leaks.ts";
import { makePlace, type Place, removePlace } from "./place.ts";
import { armFault, armTrace, describePoint, disarm, type Point, readPoints } from "./points.ts";
import { containerOf, gc, type Scenario, scenarios } from "./scenarios.ts";

/**
 * The crash test: every operation is interrupted at each of its calls that change something, by SIGKILL, and by a disk
 * that is full or broken. After each, one gc; then nothing of a container that is gone may be left, one that exists has to
 * have its address still, and a start has to work. Prints `N points, N leaks, N lost`.
 *
 *     node test/crash/run.ts [--sample N] [--seed N] [--jobs N] [--only WORDS]
 *
 * It works in network and mount namespaces of its own, one for each job.
 */
const { values } = parseArgs({
  options: {
    sample: { type: "string" },
    seed: { type: "string" },
    jobs: { type: "string", default: "2" },
    only: { type: "string", default: "" },
    worker: { type: "string" },
  },
});

interface Verdict {
  point: Point;
  leaks: string[];
  lost: string[];
}

if (values.worker === undefined) process.exitCode = await lead();
else await work();

/** Has the points found, shares them out, and counts. */
async function lead(): Promise<number> {
  const started = Date.now();
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6));
  const count = values.sample === undefined ? Number.POSITIVE_INFINITY : Number(values.sample);
  // For a sample not every program's points have to be looked for.
  const parts = sample(
    allParts().filter(({ scenario }) => values.only === "" || values.only.startsWith(scenario)),
    count / 3,
    seed,
  );
  const listed: Point[] = [];
  await inWorker("list", parts, (json) => {
    const points: Point[] = JSON.parse(json);
    listed.push(...points);
  });
  const all = listed.filter((point) => describePoint(point).includes(values.only));
  const points = sample(all, count, seed);
  const kind =
    values.sample === undefined
      ? points.length
      : `${points.length} of ${all.length}, seed ${seed}:`;
  console.log(`${kind} points`);
  const jobs = Math.max(1, Number(values.jobs));
  const shares = Array.from({ length: jobs }, (_, job) =>
    points.filter((_point, index) => index % jobs === job),
  );
  const verdicts: Verdict[] = [];
  const tell = (json: string): void => {
    const verdict: Verdict = JSON.parse(json);
    verdicts.push(verdict);
    const at = describePoint(verdict.point);
    for (const leak of verdict.leaks) console.log(`LEAK  ${at}: ${leak}`);
    for (const loss of verdict.lost) console.log(`LOST  ${at}: ${loss}`);
    if (verdicts.length % 100 === 0) console.log(`${verdicts.length} points so far`);
  };
  await Promise.all(shares.map((share) => inWorker("try", share, tell)));
  const leaking = verdicts.filter(({ leaks }) => leaks.length > 0).length;
  const losing = verdicts.filter(({ lost }) => lost.length > 0).length;
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(`${verdicts.length} points, ${leaking} leaks, ${losing} lost (${seconds} s)`);
  return leaking + losing > 0 || verdicts.length < points.length ? 1 : 0;
}

/** Runs this file in namespaces of its own; hands on the values that it prints, one a line. */
function inWorker(
  task: "list" | "try",
  points: readonly Point[] | readonly Part[],
  use: (json: string) => void,
): Promise<void> {
  const command = [process.execPath, import.meta.filename, "--worker", task];
  const child = spawn("unshare", ["--net", "--mount", "--propagation", "private", ...command], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.end(JSON.stringify(points));
  const lines = createInterface(child.stdout);
  lines.on("line", (line) => {
    if (line.startsWith("{") || line.startsWith("[")) use(line);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`a worker ended with ${code}`));
    });
  });
}

async function work(): Promise<void> {
  let input = "";
  for await (const chunk of process.stdin) input += String(chunk);
  const place = await makePlace();
  try {
    // The bridge and the chains that all containers share come with the first one.
    await live(place, containerOf(place, 0));
    if (values.worker === "list") {
      print(await listPoints(place, JSON.parse(input)));
      return;
    }
    const points: Point[] = JSON.parse(input);
    for (const [index, point] of points.entries()) print(await tryPoint(place, point, index + 1));
  } finally {
    await processesEnd(place);
    removePlace(place);
  }
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** A program that takes part in a scenario. */
type Part = Pick<Point, "scenario" | "target">;

function allParts(): Part[] {
  return scenarios.flatMap(({ name: scenario, targets }) =>
    targets.map((target) => ({ scenario, target })),
  );
}

async function listPoints(place: Place, parts: readonly Part[]): Promise<Point[]> {
  const points: Point[] = [];
  for (const [index, { scenario: name, target }] of parts.entries()) {
    const scenario = find(name);
    const container = containerOf(place, index + 1);
    await scenario.arrange(container, place);
    armTrace(place, target);
    await scenario.act(container, place);
    points.push(...readPoints(place, scenario, target));
    disarm(place);
    await container.deleteForce();
    await scenario.tidy?.(container, place);
    await end(place, container);
  }
  return points;
}

async function tryPoint(place: Place, point: Point, number: number): Promise<Verdict> {
  const scenario = find(point.scenario);
  const container = containerOf(place, number);
  const lost: string[] = [];
  const known = new Set(await findLeaks(place));
  let leaks: string[] = [];
  try {
    await scenario.arrange(container, place);
    const before = scenario.keeps ? addressOf(place, container) : undefined;
    armFault(place, point);
    await scenario.act(container, place);
    disarm(place);
    if (scenario.prove !== undefined) {
      lost.push(...(await scenario.prove(container, place, before)));
      return { point, lost, leaks: await endProved(place, container, { scenario, known }) };
    }
    // Every other time the next start has to do what gc does otherwise.
    const isLeftToStart = scenario.changes === true && number % 2 === 0;
    if (scenario.changes && !isLeftToStart) {
      await gc(place);
      lost.push(...(await findDifferences(place, container)));
    }
    // The shim removes what a failed call may have left of the container.
    await container.deleteForce();
    await scenario.tidy?.(container, place);
    if (scenario.keeps) {
      if (!isLeftToStart) await gc(place);
    } else {
      container.remove();
      await gc(place);
      leaks = await patientLeaks(place, known);
    }
    container.exist();
    await container.start();
    const after = await container.link();
    const published = await container.publications();
    if (scenario.changes) lost.push(...(await findDifferences(place, container)));
    else if (published !== 1) lost.push(`its port is published by ${published} rules`);
    if (before !== undefined && after.split(" ")[0] !== before)
      lost.push(`${before} is now ${after}`);
  } catch (error) {
    lost.push(String(error).replaceAll("\n", " "));
  }
  disarm(place);
  if (scenario.prove !== undefined) await scenario.tidy?.(container, place);
  await end(place, container);
  const left = await patientLeaks(place, known);
  return { point, leaks: [...new Set([...leaks, ...left])], lost };
}

/** Ends what a scenario with a proof of its own has made: what is left then. */
async function endProved(
  place: Place,
  container: Container,
  { scenario, known }: { scenario: Scenario; known: ReadonlySet<string> },
): Promise<string[]> {
  await scenario.tidy?.(container, place);
  await end(place, container);
  return patientLeaks(place, known);
}

function find(name: string): Scenario {
  const scenario = scenarios.find((each) => each.name === name);
  if (scenario === undefined) throw new Error(`no scenario ${name}`);
  return scenario;
}

/** One whole life. */
async function live(place: Place, container: Container): Promise<void> {
  container.exist();
  await container.start();
  await end(place, container);
}

async function end(place: Place, container: Container): Promise<void> {
  await container.deleteForce();
  container.remove();
  await gc(place);
}

/** What is left, and was not `known` before, after a moment: the hook's reaper may be about to end. */
async function patientLeaks(place: Place, known: ReadonlySet<string>): Promise<string[]> {
  for (let tries = 0; ; tries++) {
    const leaks = (await findLeaks(place)).filter((leak) => !known.has(leak));
    const limit = leaks.every((leak) => leak.startsWith("process")) ? 160 : 40;
    if (leaks.length === 0 || tries > limit) return leaks;
    await pause(50);
  }
}

function addressOf(place: Place, { id }: Container): string {
  const text = readFileSync(`${place.dir}/state/sandboxes/${id}/record.json`, "utf8");
  const record: { attachments: { addresses: string[] }[] } = JSON.parse(text);
  return record.attachments[0]?.addresses[0]?.replace(/\/.*/, "") ?? "";
}

/** `count` of them, at random; all, in their order, when there are no more. */
function sample<T>(all: readonly T[], count: number, seed: number): T[] {
  if (count >= all.length) return [...all];
  const random = randomFrom(seed);
  const left = [...all];
  const chosen: T[] = [];
  while (chosen.length < count && left.length > 0) {
    chosen.push(...left.splice(Math.floor(random() * left.length), 1));
  }
  return chosen;
}
