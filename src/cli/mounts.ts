import { readFileSync, readlinkSync, statfsSync } from "node:fs";
import { execaSync } from "execa";
import { ifThere } from "../lib/errors.ts";
import { netnsPath } from "../netns/netns.ts";
import type { SandboxContext } from "../sandbox/context.ts";
import { firstProcess, stateByFolder } from "../state/running.ts";

/** What the system answers of a process, or a file, that is gone. */
const GONE = ["ENOENT", "ESRCH", "EACCES"];

const NSFS_MAGIC = 0x6e736673;
/** Set for the program that runs in the mount namespace of an engine. */
const INSIDE = "DOCKER_CNI_INSIDE_MOUNTS";

/**
 * Where the network namespaces have no names in this mount namespace, because their engine is in one of its own (MountFlags= or
 * PrivateMounts= of its unit), runs this program again in that one, with its arguments and streams, and gives its exit status.
 * Undefined where the names are here.
 */
export function runBesideEngine(
  context: SandboxContext,
  argv: readonly string[],
): number | undefined {
  if (process.env[INSIDE] !== undefined) return undefined;
  const engine = findEngine(context);
  if (engine === undefined) return undefined;
  const enter = ["--target", String(engine), "--mount", `--wd=${process.cwd()}`, "--"];
  const result = execaSync("nsenter", [...enter, process.execPath, ...argv], {
    stdio: "inherit",
    reject: false,
    env: { [INSIDE]: "1" },
  });
  if (result.exitCode === undefined && result.signal === undefined) {
    const step = { step: "mounts", err: result.cause };
    context.log.warn(step, "cannot enter the engine's mount namespace");
    return undefined;
  }
  return result.exitCode ?? 1;
}

/** A process in whose mount namespace a running container's network namespace has the name that it lacks in this one. */
function findEngine({ store, netns, bootId }: SandboxContext): number | undefined {
  for (const id of store.list()) {
    const record = store.read(id);
    if (typeof record !== "object" || record.bootId !== bootId) continue;
    if (stateByFolder(record.runtimeDir) !== "running") continue;
    if (netns.isAlive(record.netns)) return undefined;
    // The container itself sees a file system of its own; its parent is the shim that calls this program.
    const engine = parentOf(firstProcess(record.runtimeDir)?.pid);
    if (engine !== undefined && hasName(engine, netnsPath(record.netns))) return engine;
  }
  return undefined;
}

/** Field 4 of /proc/<pid>/stat (proc(5)). */
function parentOf(pid: number | undefined): number | undefined {
  if (pid === undefined) return undefined;
  const stat = ifThere(() => readFileSync(`/proc/${pid}/stat`, "utf8"), GONE);
  const parent = Number(stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  return parent > 1 ? parent : undefined;
}

/** Whether a namespace is mounted on `path` in the mount namespace of the process, which is not this one. */
function hasName(pid: number, path: string): boolean {
  const theirs = ifThere(() => readlinkSync(`/proc/${pid}/ns/mnt`), GONE);
  if (theirs === undefined || theirs === readlinkSync("/proc/self/ns/mnt")) return false;
  return ifThere(() => statfsSync(`/proc/${pid}/root${path}`).type, GONE) === NSFS_MAGIC;
}
