import { libc } from "../lib/libc.ts";
import type { LockMode } from "./lock.ts";

/** flock(2) that does not wait: whether the open file `fd` is locked now. */
export type TryFlock = (fd: number, mode: LockMode) => boolean;

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;

/** The C library's flock, where the engine can call it. */
export async function nativeFlock(): Promise<TryFlock | undefined> {
  const library = await libc();
  if (library === undefined) return undefined;
  return (fd, mode) => library.flock(fd, (mode === "shared" ? LOCK_SH : LOCK_EX) | LOCK_NB) === 0;
}
