import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { errnoOf, ifThere } from "../lib/errors.ts";
import { makeFolder } from "../state/files.ts";

/** Where distributions have it: it is podman's, and on nobody's PATH. */
export const NAME_SERVERS = [
  "/usr/lib/podman/aardvark-dns",
  "/usr/libexec/podman/aardvark-dns",
  "/usr/local/lib/podman/aardvark-dns",
  "/usr/local/libexec/podman/aardvark-dns",
];
/** What the server writes into its folder. */
export const PID_FILE = "aardvark.pid";
/** The folder of `systemd/docker-cni-dns.service`. */
const UNIT_DIR = "/run/docker-cni/dns";
const UNIT = "docker-cni-dns.service";
/** How long a start may take, ms: the server goes to the background by itself. */
const START_MS = 5000;
/** How often, every 10 ms, it is looked whether the server has ended. */
const END_LOOKS = 50;

/** The program aardvark-dns, where it is installed. */
export function findNameServer(): string | undefined {
  return NAME_SERVERS.find((path) => existsSync(path));
}

/** The process of the name server of a folder, while it runs. */
export function nameServerPid(dir: string): number | undefined {
  const pid = Number(ifThere(() => readFileSync(join(dir, PID_FILE), "utf8")));
  if (!Number.isSafeInteger(pid) || pid <= 1) return undefined;
  // A number from before a reboot may be anybody's now.
  const commandLine = ifThere(() => readFileSync(`/proc/${pid}/cmdline`, "utf8"));
  return isNameServer(commandLine, dir) ? pid : undefined;
}

/** Whether a process's command line, as /proc has it, is that of the name server of a folder. */
export function isNameServer(commandLine: string | undefined, dir: string): boolean {
  const words = commandLine?.split("\0") ?? [];
  return words[0]?.endsWith("/aardvark-dns") === true && words.includes(dir);
}

/**
 * Makes `files` all that the name server of a folder has, and starts or reloads it where needed; without files it ends, and the
 * folder goes. The caller holds the lock on the hosts files.
 */
export async function serve(dir: string, files: ReadonlyMap<string, string>): Promise<void> {
  if (files.size === 0) {
    if (existsSync(dir)) await end(dir);
    return;
  }
  makeFolder(dir);
  const isChanged = writeFiles(dir, files);
  const pid = nameServerPid(dir);
  if (pid === undefined) await start(dir);
  else if (isChanged) process.kill(pid, "SIGHUP");
}

function writeFiles(dir: string, files: ReadonlyMap<string, string>): boolean {
  let isChanged = false;
  for (const name of readdirSync(dir)) {
    if (files.has(name) || name === PID_FILE) continue;
    rmSync(join(dir, name), { force: true });
    isChanged = true;
  }
  // The server reads whatever is in its folder.
  const temporary = `${dir}.new`;
  for (const [name, text] of files) {
    const file = join(dir, name);
    if (ifThere(() => readFileSync(file, "utf8")) === text) continue;
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, file);
    isChanged = true;
  }
  return isChanged;
}

async function start(dir: string): Promise<void> {
  const isUnits = dir === UNIT_DIR && existsSync("/run/systemd/system");
  if (isUnits && (await succeeds("systemctl", ["start", UNIT]))) return;
  const server = findNameServer();
  if (server === undefined) throw new Error("aardvark-dns is not installed");
  if (await succeeds(server, ["--config", dir, "-p", "53", "run"])) return;
  throw new Error(`${server} did not start: see journalctl -t aardvark-dns`);
}

/** Runs a command that nothing is left of but its daemon, which has none of this process's files. */
function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: "/",
      stdio: "ignore",
      detached: true,
      timeout: START_MS,
    });
    child.on("error", () => resolve(false));
    child.on("exit", (code) => resolve(code === 0));
  });
}

async function end(dir: string): Promise<void> {
  const pid = nameServerPid(dir);
  if (pid !== undefined) kill(pid);
  // The next one needs its port.
  for (let look = 0; look < END_LOOKS && nameServerPid(dir) !== undefined; look += 1) {
    await pause(10);
  }
  rmSync(dir, { recursive: true, force: true });
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch (error) {
    if (errnoOf(error) !== "ESRCH") throw error;
  }
}
