import { closeSync, fstatSync, openSync, statSync, utimesSync } from "node:fs";
import { ifThere, UserError } from "../lib/errors.ts";
import { nativeFlock, type TryFlock } from "../lib/libc.ts";
import { runCommand } from "../lib/process.ts";

/** Locks on folders that the kernel releases when the process ends, however it ends (flock(2)). */
export interface Locker {
  /**
   * Locks `dir`, waiting up to `timeoutMs` (0: not at all). Undefined when another holds it for longer, or when `dir`
   * does not exist. With a folder as `gate` those who wait get it in their turn: without one, who wants it exclusive
   * may wait for ever on others that share it one after another. With a gate `timeoutMs` is the time in which nobody
   * lets go of it: a queue that moves has no limit.
   */
  lock(dir: string, mode: LockMode, timeoutMs: number, gate?: string): Promise<Lock | undefined>;
}

export type LockMode = "shared" | "exclusive";

export interface Lock {
  release(): void;
}

/**
 * Locks by flock(2): at once by `tryFlock`, where there is one; who has to wait does so by flock(1), which locks the open
 * file that it shares with this process.
 */
export function flockLocker(findTryFlock = nativeFlock): Locker {
  let found: ReturnType<typeof nativeFlock> | undefined;
  return {
    async lock(dir, mode, timeoutMs, gate) {
      const tryFlock = await (found ??= findTryFlock());
      for (;;) {
        const fd = openDir(dir);
        if (fd === undefined) return undefined;
        const before = movedAt(gate);
        const isLocked =
          (tryFlock !== undefined && lockAtOnce(tryFlock, fd, mode, gate)) ||
          ((tryFlock === undefined || timeoutMs > 0) && (await flock(fd, mode, timeoutMs, gate)));
        // The folder may have been removed, and made anew, by the one who held the lock.
        if (isLocked && isStill(dir, fd)) return { release: () => letGo(fd, gate) };
        closeSync(fd);
        if (!isLocked && (timeoutMs === 0 || movedAt(gate) === before)) return undefined;
      }
    },
  };
}

function lockAtOnce(
  tryFlock: TryFlock,
  fd: number,
  mode: LockMode,
  gate: string | undefined,
): boolean {
  if (gate === undefined) return tryFlock(fd, mode);
  const gateFd = openDir(gate);
  if (gateFd === undefined) return false;
  try {
    return tryFlock(gateFd, mode) && tryFlock(fd, mode);
  } finally {
    closeSync(gateFd);
  }
}

async function flock(
  fd: number,
  mode: LockMode,
  timeoutMs: number,
  gate: string | undefined,
): Promise<boolean> {
  const wait = timeoutMs === 0 ? ["--nonblock"] : ["--timeout", String(timeoutMs / 1000)];
  const flags = [`--${mode}`, ...wait];
  // The gate is held as long as the inner command waits; the exclusive one in the gate keeps newcomers out.
  const turn = gate === undefined ? [] : [...flags, "--no-fork", gate, "flock"];
  const { code, stderr } = await runCommand("flock", [...turn, ...flags, "3"], { fds: [fd] });
  if (code === 0 || code === 1) return code === 0;
  throw new UserError("STATE_FAILED", `flock failed: ${stderr.trim() || `exit status ${code}`}`);
}

/** When somebody let go of a lock behind this gate last, ms; the gate's own time of change tells. */
function movedAt(gate: string | undefined): number | undefined {
  return gate === undefined ? undefined : ifThere(() => statSync(gate).mtimeMs);
}

function letGo(fd: number, gate: string | undefined): void {
  const now = new Date();
  if (gate !== undefined) ifThere(() => utimesSync(gate, now, now));
  closeSync(fd);
}

function openDir(dir: string): number | undefined {
  return ifThere(() => openSync(dir, "r"));
}

function isStill(dir: string, fd: number): boolean {
  return ifThere(() => statSync(dir).ino) === fstatSync(fd).ino;
}
