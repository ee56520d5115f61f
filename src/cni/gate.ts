import { CniError } from "./errors.ts";

/** Puts operations in order within this process. */
export interface Gate {
  /**
   * Runs `operation` after every earlier one for the same container, and after every earlier exclusive one. A signal that fires
   * before its turn rejects with a CniError and drops it.
   */
  forContainer<T>(
    containerId: string,
    operation: () => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T>;
  /** Runs `operation` alone: after all earlier ones, before all later ones. */
  exclusively<T>(operation: () => Promise<T>): Promise<T>;
}

/**
 * The order that the specification asks a runtime for (1.1.0, section 3, "Lifecycle & Ordering"): one operation at a time for a
 * container, several containers side by side, GC beside nothing. Other processes are the caller's to exclude.
 */
export function createGate(): Gate {
  const lastOf = new Map<string, Promise<void>>();
  let lastExclusive: Promise<void> = Promise.resolve();
  return {
    forContainer(containerId, operation, signal) {
      const before = [lastExclusive, lastOf.get(containerId) ?? Promise.resolve()];
      const { result, settled } = runAfter(before, operation, signal);
      const done = settled.then(() => {
        if (lastOf.get(containerId) === done) lastOf.delete(containerId);
      });
      lastOf.set(containerId, done);
      return result;
    },
    exclusively(operation) {
      const { result, settled } = runAfter([lastExclusive, ...lastOf.values()], operation);
      lastExclusive = settled;
      return result;
    },
  };
}

function runAfter<T>(
  before: readonly Promise<void>[],
  operation: () => Promise<T>,
  signal?: AbortSignal,
): { result: Promise<T>; settled: Promise<void> } {
  const turn = Promise.all(before).then(() => undefined);
  const result = (signal === undefined ? turn : unlessAborted(turn, signal)).then(operation);
  // One that was dropped holds its place: those behind it wait for those before it.
  const settled = Promise.allSettled([turn, result]).then(() => undefined);
  return { result, settled };
}

async function unlessAborted(turn: Promise<void>, signal: AbortSignal): Promise<void> {
  let onAbort!: () => void;
  const aborted = new Promise<void>((resolve) => {
    onAbort = resolve;
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) resolve();
  });
  await Promise.race([turn, aborted]);
  signal.removeEventListener("abort", onAbort);
  if (!signal.aborted) return;
  const msg = "it was aborted before its turn came";
  throw new CniError({ kind: "aborted", msg });
}
