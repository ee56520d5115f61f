import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../lib/errors.ts";

/**
 * What the folder `runtimeDir`, where runc and crun keep a container, tells of it: whether its first process is alive;
 * `absent`: there is no such folder; `unclear`: the folder does not tell, as in the middle of a `create`. A process whose
 * start cannot be compared counts as running.
 */
export function stateByFolder(runtimeDir: string): "running" | "stopped" | "absent" | "unclear" {
  if (!existsSync(runtimeDir)) return "absent";
  const process = firstProcess(runtimeDir);
  if (process === undefined) return "unclear";
  const startedAt = startOf(process.pid);
  if (startedAt === undefined) return "stopped";
  const isSame = process.startedAt === undefined || process.startedAt === startedAt;
  return isSame ? "running" : "stopped";
}

/** Whether the low-level runtime made the container and waits for its `start`: runc and crun wait at a FIFO until then. */
export function awaitsStart(runtimeDir: string): boolean {
  return runtimeDir !== "" && existsSync(join(runtimeDir, "exec.fifo"));
}

export interface FirstProcess {
  pid: number;
  /** In clock ticks since the boot, as in /proc/<pid>/stat. */
  startedAt?: number;
}

/** The container's first process by the low-level runtime's own file; undefined when it does not tell. */
export function firstProcess(runtimeDir: string): FirstProcess | undefined {
  return runcProcess(runtimeDir) ?? crunProcess(runtimeDir);
}

/** runc's state.json; before the first process is started its pid is 0. */
function runcProcess(dir: string): FirstProcess | undefined {
  const state = readJson(join(dir, "state.json"));
  const pid = Number(state?.["init_process_pid"]);
  if (!(pid > 0)) return undefined;
  return { pid, startedAt: Number(state?.["init_process_start"]) };
}

/** crun's status file. */
function crunProcess(dir: string): FirstProcess | undefined {
  const status = readJson(join(dir, "status"));
  const pid = Number(status?.["pid"]);
  if (!(pid > 0)) return undefined;
  const startedAt = Number(status?.["process-start-time"]);
  return startedAt > 0 ? { pid, startedAt } : { pid };
}

/** Field 22 of /proc/<pid>/stat; undefined when there is no such process, or only its zombie. */
export function startOf(pid: number): number | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  const [state, ...fields] = stat?.slice(stat.lastIndexOf(")") + 2).split(" ") ?? [];
  return state === undefined || state === "Z" ? undefined : Number(fields[18]);
}

function readJson(file: string): Record<string, unknown> | undefined {
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  try {
    const value: Record<string, unknown> | null = JSON.parse(text);
    return value ?? undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ESRCH") return undefined;
    throw error;
  }
}
