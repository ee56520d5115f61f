import { closeSync, openSync, readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { errnoOf, UserError } from "../lib/errors.ts";
import { HINT, ip, run } from "./command.ts";
import { mountNewNetns } from "./native.ts";

/**
 * Makes a network namespace with its loopback interface up, under the name that is the last part of `path`.
 *
 * Without a process where the engine can make system calls. Else unshare(1) makes the namespace and becomes the command
 * that runs in it: one process to start instead of two. Names have to be on a mount of their own that other mount
 * namespaces share, which `ip netns add` sees to when it makes the first.
 */
export async function addNetns(path: string): Promise<void> {
  const name = basename(path);
  // A process that is left of a killed one is known by the same variable as a plugin.
  const env = { CNI_NETNS: path };
  const loopbackUp = ["link", "set", "lo", "up"];
  if (!isMountPoint(dirname(path))) {
    await ip(["netns", "add", name], env);
    await ip(["-n", name, ...loopbackUp], env);
    return;
  }
  makeName(path);
  if (await mountNewNetns(path)) return;
  try {
    await run(["unshare", `--net=${path}`, "ip", ...loopbackUp], "util-linux", env);
  } catch (error) {
    await ip(["netns", "delete", name]);
    throw error;
  }
}

function makeName(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o444));
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    const reason = code === "EEXIST" ? "there is one already" : code;
    throw new UserError("NETNS_FAILED", `cannot make the network namespace ${path}: ${reason}`, {
      hint: HINT,
      cause: error,
    });
  }
}

/** Whether another mount begins at `dir` than the one that it lies in. */
function isMountPoint(dir: string): boolean {
  const own = mountId(dir);
  return own !== undefined && own !== mountId(dirname(dir));
}

/** The number of the mount that `path` is on (proc(5), fdinfo); cheaper than a list of all mounts. */
function mountId(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    return /^mnt_id:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1];
  } finally {
    closeSync(fd);
  }
}
