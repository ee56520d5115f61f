import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { errnoOf } from "../lib/errors.ts";

/** Processes that an operation left behind which was killed itself: a plugin, an `ip`, and what these have called. */
export interface OrphanProcesses {
  /** Ends those that work on the namespace at the path `netns`, and returns when they are gone. */
  end(netns: string): Promise<void>;
}

/** How long it may take them to end, ms; then the operation goes on without. */
const END_WITHIN_MS = 5000;

/**
 * Finds them by CNI_NETNS in their environment; the caller holds the container's lock, so that none is at work rightly. Any
 * container can set that variable: only processes in this process's own pid and mount namespaces count.
 */
export function orphanProcesses(): OrphanProcesses {
  return {
    async end(netns) {
      const mark = `\0CNI_NETNS=${netns}\0`;
      const deadline = Date.now() + END_WITHIN_MS;
      while (Date.now() < deadline) {
        const pids = processes().filter(
          (pid) => environmentOf(pid).includes(mark) && isBesideUs(pid),
        );
        if (pids.length === 0) return;
        for (const pid of pids) kill(pid);
        await pause(10);
      }
    },
  };
}

function processes(): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid);
}

/** `\0K=V\0K=V\0`; empty for one that has ended, a zombie included. */
function environmentOf(pid: number): string {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, "latin1")}`;
  } catch (error) {
    if (isGone(error)) return "";
    throw error;
  }
}

/** Whether it is in the namespaces of this process, as what an operation starts is and a container's process is not. */
function isBesideUs(pid: number): boolean {
  return ["pid", "mnt"].every((kind) => {
    const own = namespaceOf("self", kind);
    return own !== undefined && own === namespaceOf(pid, kind);
  });
}

function namespaceOf(process: number | "self", kind: string): string | undefined {
  try {
    return readlinkSync(`/proc/${process}/ns/${kind}`);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

function isGone(error: unknown): boolean {
  return ["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(errnoOf(error) ?? "");
}
