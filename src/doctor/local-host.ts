import { readdirSync, readFileSync, realpathSync, statfsSync, statSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { execa } from "execa";
import { engineApi } from "../dockerd/api.ts";
import { ifReadable, UserError } from "../lib/errors.ts";
import { findSocketHolder, readListeners } from "../ports/listeners.ts";
import type { DiskFacts, EngineAnswer, FileFacts, Host } from "./host.ts";

const COMMAND_LIMIT_MS = 20_000;

/** This machine, and the engine that Docker's client finds by `env`. */
export function localHost(env: NodeJS.ProcessEnv): Host {
  return {
    read: (path) => ifReadable(() => readFileSync(path, "utf8")),
    list: (path) => ifReadable(() => readdirSync(path)) ?? [],
    stat: (path) => ifReadable(() => facts(statSync(path))),
    realPath: (path) => ifReadable(() => realpathSync(path)),
    disk: nearestDisk,
    async run([file = "", ...args]) {
      const { exitCode, stdout, stderr } = await execa(file, args, {
        reject: false,
        stdin: "ignore",
        timeout: COMMAND_LIMIT_MS,
        killSignal: "SIGKILL",
        env: { ...env, LC_ALL: "C" },
        extendEnv: false,
      });
      return { code: exitCode, stdout, stderr };
    },
    engine: (path) => askEngine(env, path),
    listeners: () =>
      readListeners().map(({ inode, protocol, hostIP, hostPort }) => ({
        protocol,
        hostIP,
        hostPort,
        holder: () => findSocketHolder(inode),
      })),
    now: () => Date.now(),
  };
}

async function askEngine(env: NodeJS.ProcessEnv, path: string): Promise<EngineAnswer> {
  try {
    return { ok: true, body: await engineApi(env).get(path) };
  } catch (error) {
    if (error instanceof UserError) return { ok: false, error: error.message };
    throw error;
  }
}

function facts(stats: Stats): FileFacts {
  const kind = stats.isFile()
    ? "file"
    : stats.isDirectory()
      ? "folder"
      : stats.isSocket()
        ? "socket"
        : "other";
  return { kind, mode: stats.mode & 0o7777, mtimeMs: stats.mtimeMs };
}

function nearestDisk(path: string): DiskFacts | undefined {
  const found = ifReadable(() => statfsSync(path));
  if (found === undefined) return path === "/" ? undefined : nearestDisk(dirname(path));
  return {
    freeBytes: found.bavail * found.bsize,
    totalBytes: found.blocks * found.bsize,
    freeFiles: found.ffree,
    totalFiles: found.files,
  };
}
