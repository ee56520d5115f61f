import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { errnoOf, UserError } from "../lib/errors.ts";
import { type DaemonJson, type RuntimeEntry } from "./daemon-json.ts";
import type { SetupHost } from "./host.ts";
import { isThere } from "./made.ts";
import type { SetupPaths } from "./paths.ts";
import { findFile, type FoundFile } from "./text-file.ts";

/** The parts of the engine's `GET /info` that an installation looks at. */
export interface EngineInfo {
  Runtimes?: Record<string, { path?: string; runtimeArgs?: string[] | null }>;
  DefaultRuntime?: string;
  DockerRootDir?: string;
  SecurityOptions?: string[] | null;
}

/** How a request fails when nobody is there: Node's names and Bun's. Any other failure is of an engine that runs. */
const NOT_RUNNING = new Set(["ENOENT", "ECONNREFUSED", "FailedToOpenSocket"]);

/** What the engine tells of itself; undefined when it does not run. Throws NO_ENGINE for one on another host, and one that fails. */
export async function engineInfo(
  host: SetupHost,
  socket: string | undefined,
): Promise<EngineInfo | undefined> {
  const engine = host.engine(socket);
  try {
    const info: EngineInfo = Object(await engine.get("/info"));
    return info;
  } catch (error) {
    const cause =
      error instanceof UserError && error.code === "NO_ENGINE" ? error.cause : undefined;
    if (NOT_RUNNING.has(errnoOf(cause) ?? "")) return undefined;
    throw error;
  }
}

/** Throws INSTALL_FAILED for a Docker that cannot run docker-cni: a snap's, and a rootless one. */
export function assertSupported(
  paths: SetupPaths,
  { real }: FoundFile,
  info: EngineInfo | undefined,
): void {
  const isSnap =
    info?.DockerRootDir?.startsWith("/var/snap/") === true ||
    /^\/(var\/)?snap\//.test(real) ||
    (info === undefined && isThere(paths.snapDocker) && !paths.dockerds.some(isThere));
  if (isSnap) {
    throw new UserError(
      "INSTALL_FAILED",
      "Docker is installed as a snap, which runs no program of the host as a runtime; nothing was changed",
      { hint: "install Docker from your distribution or from docker.com, and remove the snap" },
    );
  }
  const isRootless =
    info?.SecurityOptions?.some((option) => option.includes("rootless")) === true ||
    real.includes("/.config/docker/");
  if (isRootless) {
    throw new UserError(
      "INSTALL_FAILED",
      "this Docker is rootless, and may make no networks of the host; nothing was changed",
      { hint: "install docker-cni for a Docker that root runs" },
    );
  }
}

/** The dockerd that reads the file. */
export interface Daemon {
  /** How it is made to read it again. */
  reload: () => Promise<void>;
}

interface DaemonOptions {
  paths: SetupPaths;
  host: SetupHost;
  file: FoundFile;
  json: DaemonJson;
}

/** How the dockerd that runs is reloaded. Throws INSTALL_FAILED when there is no way, or when it reads another file. */
export async function findDaemon({ paths, host, file, json }: DaemonOptions): Promise<Daemon> {
  if (file.path === paths.daemonJson && isThere(paths.systemd)) {
    const active = await host.run("systemctl", ["is-active", "--quiet", "docker"]);
    if (active?.exitCode === 0) return { reload: () => systemdReload(host) };
  }
  const pidFile = json.pidfile ?? paths.pidFile;
  const pid = readPid(pidFile);
  const words = pid === undefined ? undefined : host.commandLine(pid);
  if (pid === undefined || words === undefined || basename(words[0] ?? "") !== "dockerd") {
    throw new UserError(
      "INSTALL_FAILED",
      `cannot find the dockerd that runs: ${pidFile} does not name it; nothing was changed`,
      { hint: "use --no-reload and restart Docker, or name its file with --config-file" },
    );
  }
  const read = configFileOf(words) ?? paths.daemonJson;
  if (findFile(read).real !== file.real) {
    throw new UserError(
      "INSTALL_FAILED",
      `the dockerd that runs (process ${pid}) reads ${read}, not ${file.path}; nothing was changed`,
      { hint: `name it: --config-file ${read}` },
    );
  }
  return { reload: async () => host.hangUp(pid) };
}

async function systemdReload(host: SetupHost): Promise<void> {
  const ran = await host.run("systemctl", ["reload", "docker"]);
  if (ran?.exitCode === 0) return;
  throw new UserError("INSTALL_FAILED", `systemctl reload docker failed: ${ran?.stderr.trim()}`, {
    hint: "see: journalctl -u docker",
  });
}

function readPid(file: string): number | undefined {
  try {
    const text = readFileSync(file, "utf8").trim();
    return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function configFileOf(words: readonly string[]): string | undefined {
  const place = words.findIndex((word) => /^--?config-file(=|$)/.test(word));
  if (place < 0) return undefined;
  const [, value] = /^--?config-file=(.*)$/.exec(words[place] ?? "") ?? [];
  return value ?? words[place + 1];
}

/** Whom to ask: see `SetupHost.engine`. */
export interface Asked {
  host: SetupHost;
  socket: string | undefined;
}

const PATIENCE_MS = 5_000;
const PAUSE_MS = 100;

/**
 * Waits until the engine's `GET /info` is as `isSo` wants it; false when five seconds later it is not. The last question is waited
 * for, as long as that takes. Throws NO_ENGINE when that fails.
 */
export async function waitForInfo(
  { host, socket }: Asked,
  isSo: (info: EngineInfo) => boolean,
): Promise<boolean> {
  const end = host.now().getTime() + PATIENCE_MS;
  for (;;) {
    const isLast = host.now().getTime() >= end;
    try {
      const info = await engineInfo(host, socket);
      if (info !== undefined && isSo(info)) return true;
    } catch (error) {
      // It may be busy with what it was told.
      if (isLast) throw error;
    }
    if (isLast) return false;
    await host.pause(PAUSE_MS);
  }
}

/** Whether the engine has the runtime, and as its default if that is wanted. */
export function hasRuntime(
  info: EngineInfo,
  name: string,
  { runtime, makeDefault }: { runtime: RuntimeEntry; makeDefault: boolean },
): boolean {
  return (
    info.Runtimes?.[name]?.path === runtime.path && (!makeDefault || info.DefaultRuntime === name)
  );
}

/**
 * Has dockerd look at a configuration without starting (`dockerd --validate`, Docker 23 and later). Throws BAD_DAEMON_JSON with its
 * words; an older one, which cannot, is content.
 */
export async function validate(host: SetupHost, file: string, path: string): Promise<void> {
  const ran = await host.run("dockerd", ["--validate", "--config-file", file]);
  if (ran === undefined || ran.exitCode === 0) return;
  const told = `${ran.stderr}\n${ran.stdout}`.trim();
  if (/unknown flag|flag provided but not defined/.test(told)) return;
  throw new UserError(
    "BAD_DAEMON_JSON",
    `dockerd --validate refuses ${path} with the runtime: ${told.replaceAll(file, path)}; nothing was changed`,
    { hint: "correct the file" },
  );
}
