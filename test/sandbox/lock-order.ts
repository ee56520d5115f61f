import { AsyncLocalStorage } from "node:async_hooks";
import { dirname, join } from "node:path";
import type { Lock, Locker } from "../../src/state/lock.ts";

/** What one flow of work holds. */
const flows = new AsyncLocalStorage<Set<string>>();

/** Runs work whose locks are looked at by themselves, beside others in this process. */
export function inFlow<T>(work: () => Promise<T>): Promise<T> {
  return flows.run(new Set(), work);
}

/**
 * A locker over another one that holds whoever waits to the order of docs/state.md, and throws where a lock is waited for while
 * one is held that comes after it. A try, which does not wait, may come at any time.
 */
export function watchedLocker(locker: Locker, stateDir: string): Locker {
  const whole = new Set<string>();
  return {
    async lock(dir, mode, timeoutMs, gate) {
      const held = flows.getStore() ?? whole;
      const after = [...held].filter((other) => rankOf(stateDir, other) > rankOf(stateDir, dir));
      if (timeoutMs > 0 && after.length > 0) {
        throw new Error(`waits for the lock on ${dir} while it holds that on ${after.join(", ")}`);
      }
      const lock = await locker.lock(dir, mode, timeoutMs, gate);
      return lock && watched(lock, held, dir);
    },
  };
}

function watched(lock: Lock, held: Set<string>, dir: string): Lock {
  held.add(dir);
  return {
    release() {
      held.delete(dir);
      lock.release();
    },
  };
}

function rankOf(stateDir: string, dir: string): number {
  if (dirname(dir) === join(stateDir, "sandboxes")) return 1;
  const rank = ["ports", "sandboxes", "hosts"].findIndex((name) => dir === join(stateDir, name));
  if (rank < 0) throw new Error(`the lock on ${dir} has no place in the order of docs/state.md`);
  return rank + 2;
}
