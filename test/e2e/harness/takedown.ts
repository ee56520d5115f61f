import { existsSync, readFileSync, readdirSync, rmSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { RUNTIME_NOTES } from "../../../src/state/runtime-notes.ts";
import { dockerArgv, dockerEnv } from "./cli.ts";
import { REPOSITORY } from "./config.ts";
import { deleteIptables, readIptables } from "./iptables.ts";
import { readPlace, type Place } from "./place.ts";
import { listProcesses, readCommand, signal } from "./processes.ts";
import { run, waitFor } from "./shell.ts";
import {
  bridgeNames,
  inHostNetns,
  iptablesLines,
  mountPoints,
  NETNS_DIR,
  netnsNames,
  readLines,
  runtimeNotes,
} from "./traces.ts";

/**
 * Takes down a private Docker host by what its folder says of it: containers, dockerd with its containerd and shims,
 * mounts, netns, links, iptables rules, cgroups and the folder itself. Goes on after a step that fails, and then
 * rejects with all that failed. A folder that is gone is fine.
 */
export async function takeDown(dir: string): Promise<void> {
  if (!existsSync(join(dir, "place.json"))) return;
  const place = readPlace(dir);
  const failures: unknown[] = [];
  const steps: ((place: Place) => Promise<void> | void)[] = [
    removeContainers,
    stopDaemon,
    killProcesses,
    unmount,
    removeNetns,
    removeLinks,
    removeIptables,
    removeHostNetns,
    removeCgroups,
    removeRuntimeNotes,
    removeFolder,
  ];
  for (const step of steps) {
    try {
      await step(place);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0)
    throw new AggregateError(failures, `taking down ${dir}: ${failures.join("; ")}`);
}

/** The process id of the host's dockerd while it runs. */
export function daemonPid(place: Place): number | undefined {
  const file = join(place.dir, "docker.pid");
  const pid = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
  return pid > 0 && readCommand(pid).includes(`${place.dir}/`) ? pid : undefined;
}

/**
 * Removes all containers as a user would, so that their networks are undone in good order. Docker calls no runtime when it
 * removes one that does not run: of those docker-cni hears when it collects what is gone.
 */
export async function removeContainers(place: Place): Promise<void> {
  if (daemonPid(place) === undefined) return;
  const options = { env: dockerEnv(place), timeout: 30_000 };
  const list = [...dockerArgv(place), "ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.State}}"];
  const containers = (await run(list, options)).stdout.split("\n").filter(Boolean);
  if (containers.length === 0) return;
  const ids = containers.map((line) => line.slice(0, line.indexOf(" ")));
  await run([...dockerArgv(place), "rm", "-f", "-v", ...ids], options);
  if (containers.every((line) => line.endsWith(" running"))) return;
  const gc = [join(REPOSITORY, "bin/docker-cni"), "--config", join(place.dir, "cni.yaml"), "gc"];
  // Its rules are where the plugins made them.
  await run([...inHostNetns(place), ...gc], options);
}

async function stopDaemon(place: Place): Promise<void> {
  const pid = daemonPid(place);
  if (pid === undefined) return;
  signal(pid, "SIGTERM");
  await waitFor("dockerd ends", () => (readCommand(pid) === "" ? true : undefined), 15_000);
}

/** What is left of dockerd, containerd, its shims, docker-cni and the containers: each by its own pid. */
async function killProcesses(place: Place): Promise<void> {
  const program =
    /^\S*(dockerd|containerd|containerd-shim\S*|runc|docker-proxy) |\/docker-cni |hooks\/poststop/;
  await waitFor("the host's processes end", () => {
    const named = listProcesses().filter(
      ({ command }) => command.includes(`${place.dir}/`) && program.test(command),
    );
    const pids = [
      ...named.map(({ pid }) => pid),
      ...cgroupFolders(place).flatMap((folder) =>
        readLines(join(folder, "cgroup.procs")).map(Number),
      ),
    ];
    for (const pid of pids) signal(pid, "SIGKILL");
    return pids.length === 0 ? true : undefined;
  });
}

async function unmount(place: Place): Promise<void> {
  const points = mountPoints().filter((point) => point.startsWith(`${place.dir}/`));
  for (const point of points.toReversed()) await run(["umount", "-l", point]);
}

async function removeNetns(place: Place): Promise<void> {
  for (const name of netnsNames(place)) {
    await run(["ip", "netns", "del", name]);
    rmSync(`${NETNS_DIR}/${name}`, { force: true });
    rmSync(`/run/docker-cni/netns/${name}`, { force: true });
  }
}

async function removeLinks(place: Place): Promise<void> {
  for (const bridge of bridgeNames(place)) {
    const ports = `/sys/class/net/${bridge}/brif`;
    const links = existsSync(ports) ? readdirSync(ports) : [];
    for (const link of [...links, bridge]) {
      await run([...inHostNetns(place), "ip", "link", "del", link]);
    }
  }
}

/** The containers' rules, and what of the plugins' scaffold was not there before and serves nobody now. */
async function removeIptables(place: Place): Promise<void> {
  const prefix = inHostNetns(place);
  await deleteIptables(prefix, await iptablesLines(place));
  const known = new Set(readLines(join(place.dir, "scaffold")));
  const lines = await readIptables(prefix);
  await deleteIptables(
    prefix,
    lines.filter(
      (line) => line.scaffold && !known.has(`${line.family} ${line.table} ${line.text}`),
    ),
  );
}

async function removeHostNetns(place: Place): Promise<void> {
  if (place.hostNetns !== undefined) await run(["ip", "netns", "del", place.hostNetns]);
}

function removeCgroups(place: Place): void {
  for (const folder of cgroupFolders(place).toReversed()) rmdirSync(folder);
}

function removeRuntimeNotes(place: Place): void {
  for (const name of runtimeNotes(place)) rmSync(join(RUNTIME_NOTES, name), { force: true });
}

function removeFolder(place: Place): void {
  rmSync(place.dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** The folders of the host's cgroup in every hierarchy, parents first. */
function cgroupFolders(place: Place): string[] {
  const root = "/sys/fs/cgroup";
  const hierarchies = existsSync(root) ? readdirSync(root).map((name) => join(root, name)) : [];
  return [root, ...hierarchies]
    .map((hierarchy) => join(hierarchy, place.cgroup))
    .filter((folder) => existsSync(folder))
    .flatMap(folderTree);
}

/** `folder` and all below it, parents first. */
function folderTree(folder: string): string[] {
  const below = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name))
    .flatMap(folderTree);
  return [folder, ...below];
}
