import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { errnoOf } from "../lib/errors.ts";

/** Processes that an operation left behind which was killed itself: a plugin, an `ip`, what these have called, and the runtime. */
export interface OrphanProcesses {
  /**
   * Ends those that work on the namespace at the path `netns`, or make the container, and returns when they are gone. A container
   * that the low-level runtime knows, and that waits for its start, stays.
   */
  end(netns: string, container: StartedContainer): Promise<void>;
}

/** A container that a start was about to make. */
export interface StartedContainer {
  id: string;
  /** The low-level runtime's folder of it. */
  runtimeDir: string;
}

/** How long it may take them to end, ms; then the operation goes on without. */
const END_WITHIN_MS = 5000;

/**
 * Finds them by CNI_NETNS in their environment, or as the runtime by their arguments; the caller holds the container's lock, so
 * that none is at work rightly. Any container can set that variable: only processes in this process's own pid and mount
 * namespaces count.
 */
export function orphanProcesses(): OrphanProcesses {
  return {
    async end(netns, container) {
      const mark = `\0CNI_NETNS=${netns}\0`;
      const deadline = Date.now() + END_WITHIN_MS;
      while (Date.now() < deadline) {
        const pids = processes().filter(
          (pid) =>
            (environmentOf(pid).includes(mark) && isBesideUs(pid)) ||
            isRuntimeOf(pid, container) ||
            isForgottenInit(pid, container),
        );
        if (pids.length === 0) return;
        for (const pid of pids) kill(pid);
        await pause(10);
      }
    },
  };
}

/** Whether it is the low-level runtime's `create` of the container. */
function isRuntimeOf(pid: number, { id }: StartedContainer): boolean {
  if (!/^(runc|crun)$/.test(read(pid, "comm").trim())) return false;
  const args = read(pid, "cmdline").split("\0");
  return args.includes("create") && args.includes(id) && isBesideUs(pid);
}

/** Whether it is runc's first process in the container, which waits for a start, and runc knows no such container any more. */
function isForgottenInit(pid: number, { id, runtimeDir }: StartedContainer): boolean {
  if (!read(pid, "comm").startsWith("runc:[") || existsSync(runtimeDir)) return false;
  return read(pid, "cgroup").includes(`/${id}`);
}

function processes(): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid);
}

/** `\0K=V\0K=V\0`. */
function environmentOf(pid: number): string {
  return `\0${read(pid, "environ")}`;
}

/** A file of a process (proc(5)); empty for one that has ended, a zombie included. */
function read(pid: number, file: "environ" | "comm" | "cmdline" | "cgroup"): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
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
