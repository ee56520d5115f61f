import { spawn } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  watch,
} from "node:fs";
import { join } from "node:path";
import { dockerArgv, dockerEnv, socketPath } from "./cli.ts";
import type { Runtime } from "./config.ts";
import type { Place } from "./place.ts";
import { readCommand, signal } from "./processes.ts";
import { run, waitFor } from "./shell.ts";
import { daemonPid } from "./takedown.ts";
import { idsFile, inHostNetns } from "./traces.ts";

export interface DaemonJsonOptions {
  iptables: boolean;
  bridge: string;
  runtimes: Record<string, Runtime>;
  extra: Record<string, unknown>;
}

/** daemon.json of a dockerd that keeps to its own folder. */
export function daemonJson(place: Place, options: DaemonJsonOptions): Record<string, unknown> {
  return {
    hosts: [`unix://${socketPath(place)}`],
    pidfile: join(place.dir, "docker.pid"),
    "data-root": join(place.dir, "data"),
    "exec-root": join(place.dir, "exec"),
    "exec-opts": ["native.cgroupdriver=cgroupfs"],
    "cgroup-parent": `/${place.cgroup}`,
    "shutdown-timeout": 5,
    bridge: options.bridge,
    iptables: options.iptables,
    ip6tables: false,
    // Left alone, dockerd switches forwarding on for the machine, and then drops what it does not know.
    ...(options.iptables ? {} : { "ip-forward": false }),
    runtimes: options.runtimes,
    ...options.extra,
  };
}

/** How dockerd is started, apart from its configuration file. */
export interface StartOptions {
  /** More environment variables. */
  env: Record<string, string>;
  /** Folders of the machine that dockerd and its runtimes may change without anybody else seeing it. */
  privateFolders: readonly string[];
  /** What runs a command where dockerd is to be, in place of the host's network namespace. */
  within?: readonly string[];
}

/** Starts dockerd in a session of its own and waits until it answers; rejects with the end of its log. */
export async function startDaemon(place: Place, options: StartOptions): Promise<void> {
  const log = openSync(join(place.dir, "dockerd.log"), "a");
  const command = ["dockerd", "--config-file", join(place.dir, "daemon.json")];
  const [file = "", ...args] = [
    ...(options.within ?? inHostNetns(place)),
    ...withPrivateFolders(place, options.privateFolders),
    ...command,
  ];
  const child = spawn(file, args, {
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...dockerEnv(place), ...options.env },
  });
  closeSync(log);
  child.unref();
  let failure: string | undefined;
  child.once("error", (error) => (failure = error.message));
  child.once("exit", (code, name) => (failure = `exit ${code ?? name}`));
  await waitFor("dockerd answers", async () => {
    if (failure !== undefined) throw new Error(`dockerd: ${failure}\n${daemonLog(place)}`);
    const { exitCode } = await run([...dockerArgv(place), "version"], { env: dockerEnv(place) });
    return exitCode === 0 ? true : undefined;
  });
}

/** Sends a signal to dockerd and waits for its end. */
export async function endDaemon(place: Place, name: "SIGTERM" | "SIGKILL"): Promise<void> {
  const pid = daemonPid(place);
  if (pid === undefined) return;
  signal(pid, name);
  await waitFor("dockerd ends", () => (readCommand(pid) === "" ? true : undefined));
}

/** Writes the id of every container that dockerd makes a folder for into the host's list; gives what ends the watch. */
export function recordContainerIds(place: Place): () => void {
  const folder = join(place.dir, "data/containers");
  mkdirSync(folder, { recursive: true, mode: 0o710 });
  const known = new Set<string>();
  const watcher = watch(folder, { persistent: false }, (_event, name) => {
    if (name === null || known.has(name) || !/^[0-9a-f]{64}$/.test(name)) return;
    known.add(name);
    appendFileSync(idsFile(place), `${name}\n`);
  });
  return () => watcher.close();
}

/** Where the changes to a private folder go. */
export function privateFolder(place: Place, folder: string): string {
  return join(place.dir, "private", folder);
}

/** Prefix for a command that gives it a mount namespace in which overlays cover these folders. */
function withPrivateFolders(place: Place, folders: readonly string[]): string[] {
  if (folders.length === 0) return [];
  const mounts = folders.map((folder) => {
    const [upper, work] = [privateFolder(place, folder), join(place.dir, "work", folder)];
    for (const dir of [upper, work]) mkdirSync(dir, { recursive: true });
    return `mount -t overlay -o lowerdir=${folder},upperdir=${upper},workdir=${work} overlay ${folder}`;
  });
  const script = `${mounts.join(" && ")} && exec "$@"`;
  return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"];
}

function daemonLog(place: Place): string {
  const file = join(place.dir, "dockerd.log");
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(-30).join("\n") : "";
}
