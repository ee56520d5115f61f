/** Puts operations in order within this process. */
export interface Gate {
  /** Runs `operation` after every earlier one for the same container, and after every earlier exclusive one. */
  forContainer<T>(containerId: string, operation: () => Promise<T>): Promise<T>;
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
    forContainer(containerId, operation) {
      const before = [lastExclusive, lastOf.get(containerId) ?? Promise.resolve()];
      const { result, settled } = runAfter(before, operation);
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
): { result: Promise<T>; settled: Promise<void> } {
  const result = Promise.all(before).then(operation);
  const settled = result.then(
    () => undefined,
    () => undefined,
  );
  return { result, settled };
}
