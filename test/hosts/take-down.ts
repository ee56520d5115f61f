import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { listProcesses, signal } from "../e2e/harness/processes.ts";
import { waitFor } from "../e2e/harness/shell.ts";
import { initOf, type LabPlace, readLab, ROUTER } from "./place.ts";

/**
 * Takes down the laboratory of a folder, or what a killed one has left. Its first process takes with it all processes of all hosts,
 * and with these go their mounts and network namespaces; then cgroups and the folder are removed.
 */
export async function takeDownLab(dir: string): Promise<void> {
  const place = readLab(dir);
  if (place === undefined) return;
  await waitFor("the laboratory ends", () => {
    const router = initOf(place, ROUTER);
    const starting = listProcesses().filter(({ command }) => isStarting(command, place));
    for (const pid of [router ?? [], starting.map((each) => each.pid)].flat())
      signal(pid, "SIGKILL");
    return router === undefined && starting.length === 0 ? true : undefined;
  });
  await removeCgroups(place.cgroup);
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}

/** What starts a host, or enters it: not below the first process itself. */
function isStarting(command: string, { dir }: LabPlace): boolean {
  return command.includes(`${dir}/hosts/`) && /^\S*(unshare|nsenter|setpriv) /.test(command);
}

/** Removes a cgroup and all below it, in every hierarchy, when its last processes have ended. */
export async function removeCgroups(cgroup: string): Promise<void> {
  const root = "/sys/fs/cgroup";
  const roots = [root, ...readdirSync(root).map((name) => join(root, name))];
  await waitFor("the cgroups are empty", () => {
    try {
      for (const each of roots.map((folder) => join(folder, cgroup))) removeTree(each);
      return true;
    } catch {
      return undefined;
    }
  });
}

function removeTree(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(folder, entry.name));
  }
  rmdirSync(folder);
}
