import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "./errors.ts";

/** A part of an operation: when it began, in ms after the operation did, and how long it took. Parts may overlap. */
export interface Stage {
  name: string;
  start: number;
  ms: number;
}

/** Where the time of one operation on a container went. */
export interface Trace {
  operation: "create" | "delete";
  /** When the program's process began, ISO 8601. */
  at: string;
  /** From there to the end of the operation, ms. */
  ms: number;
  /** The most memory that the program had, MB. */
  peakMb: number;
  /** Its CPU time, ms; that of the commands it ran is not in it. */
  cpuMs: number;
  stages: Stage[];
}

/** Takes down what an operation does and how long it takes. */
export interface Tracer {
  /** Runs `work` as a stage; one that is a promise ends when it is settled. */
  time<T>(name: string, work: () => T): T;
  /** Adds a stage that took `ms` and ends now; without `ms`, one that began when the last one ended. */
  ended(name: string, ms?: number): void;
  finish(operation: Trace["operation"]): Trace;
}

/** A tracer whose time begins with the process; its first stage is the start of the process up to now. */
export function processTracer(): Tracer {
  const stages: Stage[] = [];
  const add = (name: string, start: number): void => {
    stages.push({ name, start: rounded(start), ms: rounded(performance.now() - start) });
  };
  const lastEnd = (): number => Math.max(0, ...stages.map(({ start, ms }) => start + ms));
  add("process start", 0);
  return {
    time(name, work) {
      const start = performance.now();
      const result = work();
      if (result instanceof Promise) {
        const end = (): void => add(name, start);
        result.then(end, end);
      } else {
        add(name, start);
      }
      return result;
    },
    ended: (name, ms) => add(name, ms === undefined ? lastEnd() : performance.now() - ms),
    finish(operation) {
      const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
      return {
        operation,
        at: new Date(performance.timeOrigin).toISOString(),
        ms: rounded(performance.now()),
        peakMb: Math.round(maxRSS / 1024),
        cpuMs: rounded((userCPUTime + systemCPUTime) / 1000),
        stages: stages.toSorted((a, b) => a.start - b.start),
      };
    },
  };
}

/** A copy of `target` whose methods that have a name in `names` are taken down as stages of that name. */
export function traced<T extends object>(
  tracer: Tracer,
  target: T,
  names: { readonly [Method in keyof T]?: string },
): T {
  const copy: T = Object.create(null, Object.getOwnPropertyDescriptors(target));
  for (const [method, name] of Object.entries<string | undefined>(names)) {
    const original: unknown = Reflect.get(target, method);
    if (typeof original !== "function" || name === undefined) continue;
    const timed = (...args: unknown[]): unknown =>
      tracer.time(name, (): unknown => Reflect.apply(original, target, args));
    Object.defineProperty(copy, method, { value: timed, enumerable: true });
  }
  return copy;
}

const FILE = "trace.json";

/** Keeps a trace in the sandbox's folder `dir`; where that is gone, or full, there is none. */
export function saveTrace(dir: string, trace: Trace): void {
  try {
    writeFileSync(join(dir, FILE), `${JSON.stringify(trace)}\n`, { mode: 0o600 });
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}

/** The trace that was kept in `dir`; undefined when there is none, or it was cut off. */
export function readTrace(dir: string): Trace | undefined {
  try {
    const trace: Trace = JSON.parse(readFileSync(join(dir, FILE), "utf8"));
    return trace;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
