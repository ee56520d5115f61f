import type { LockMode } from "./lock.ts";

/** flock(2) that does not wait: whether the open file `fd` is locked now. */
export type TryFlock = (fd: number, mode: LockMode) => boolean;

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;

/** The C library's flock, where the engine can call it, which spares a process a lock; Node cannot. */
export async function nativeFlock(): Promise<TryFlock | undefined> {
  if (process.versions["bun"] === undefined) return undefined;
  const { dlopen } = await import("bun:ffi");
  const { symbols } = dlopen("libc.so.6", { flock: { args: ["int", "int"], returns: "int" } });
  return (fd, mode) => symbols.flock(fd, (mode === "shared" ? LOCK_SH : LOCK_EX) | LOCK_NB) === 0;
}
