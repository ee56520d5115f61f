import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, resolve as absolute } from "node:path";
import { UserError } from "../lib/errors.ts";
import { exitStatus, runCommand } from "../lib/process.ts";
import type { CreateCall } from "./args.ts";

/** The runtime that makes the containers: runc, crun. */
export interface LowLevelRuntime {
  /** Where it is, absolute. */
  readonly path: string;
  /** Runs a call with this process's streams and `fds`, relays signals, and gives its exit status. */
  run(call: CreateCall): Promise<number>;
  /** Becomes the runtime in place of running it: returns only where that cannot be, and nothing has happened then. */
  become(call: CreateCall): Promise<void>;
  /** Removes the container that a call made, whatever its state; one that is not there is fine. */
  deleteForce(call: CreateCall): Promise<void>;
  /** The folder where the runtime keeps the container of `call`; it is there from `create` to `delete`. */
  stateDir(call: CreateCall): string;
}

/** Signals that end a wrapper are meant for the runtime; SIGCHLD, SIGKILL and the like are not relayed. */
const RELAYED = [
  "SIGINT",
  "SIGTERM",
  "SIGHUP",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGWINCH",
] as const;

export interface ProcessRuntimeOptions {
  path: string;
  /** The environment that this program was called with. */
  env: NodeJS.ProcessEnv;
  /** Inherited descriptors that the runtime finds under the same numbers. */
  fds: readonly number[];
  /** The soft limit of open files that this program was called with; undefined: its own. */
  openFiles?: string | undefined;
}

/** The low-level runtime at `path`. Throws NO_RUNTIME when it is not there. */
export function processRuntime(options: ProcessRuntimeOptions): LowLevelRuntime {
  const { path, env } = options;
  if (path === "" || !existsSync(path)) {
    throw new UserError(
      "NO_RUNTIME",
      path === ""
        ? "neither runc nor crun is on PATH"
        : `the low-level runtime ${path} is not there`,
      { hint: "install runc, or name it with --runtime-path or oci_bin" },
    );
  }
  return {
    path: absolute(path),
    run: (call) => runRelayed(call.argv, options),
    async become({ argv }) {
      const { become } = await import("../lib/become.ts");
      await become({ ...options, path: absolute(path), argv });
    },
    async deleteForce(call) {
      const flags = [...call.globals, "--log", "/dev/null"];
      await runCommand(path, [...flags, "delete", "--force", call.id], { env });
    },
    stateDir: (call) => `${call.root ?? defaultRoot(path)}/${call.id}`,
  };
}

/** Ends and removes the container whose folder is `runtimeDir`, by the runtime at `path`; one that is not there is fine. */
export async function deleteContainer(path: string, runtimeDir: string): Promise<void> {
  const globals = ["--root", dirname(runtimeDir), "--log", "/dev/null"];
  await runCommand(path, [...globals, "delete", "--force", basename(runtimeDir)]);
}

function defaultRoot(path: string): string {
  return path.endsWith("crun") ? "/run/crun" : "/run/runc";
}

function runRelayed(argv: readonly string[], options: ProcessRuntimeOptions): Promise<number> {
  const { path, env, fds } = options;
  const stdio: ("inherit" | "ignore" | number)[] = ["inherit", "inherit", "inherit"];
  for (const fd of fds) stdio[fd] = fd;
  for (let fd = 3; fd < stdio.length; fd++) stdio[fd] ??= "ignore";
  const [command, args] = asCalled([path, ...argv], options);
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio });
    const relay = (signal: NodeJS.Signals): void => void child.kill(signal);
    for (const signal of RELAYED) process.on(signal, relay);
    const settle = (): void => RELAYED.forEach((signal) => process.off(signal, relay));
    child.on("error", (error) => {
      settle();
      reject(
        new UserError("NO_RUNTIME", `cannot run the low-level runtime ${path}: ${error.message}`, {
          hint: "name a working one with --runtime-path or oci_bin",
          cause: error,
        }),
      );
    });
    child.on("exit", (code, signal) => {
      settle();
      resolve(exitStatus(code, signal));
    });
  });
}

/**
 * The command with what this process cannot give it by itself, set by the sh that becomes it: LISTEN_PID, since LISTEN_FDS
 * count only for the process that it names (sd_listen_fds(3)), and the limit of open files, which this process raised.
 */
function asCalled(
  argv: readonly string[],
  { env, openFiles }: ProcessRuntimeOptions,
): [command: string, args: readonly string[]] {
  const settings: string[] = [];
  if (env["LISTEN_PID"] === String(process.pid)) settings.push("export LISTEN_PID=$$");
  if (openFiles !== undefined && /^\d+$/.test(openFiles) && openFiles !== ownOpenFiles()) {
    settings.push(`ulimit -S -n ${openFiles}`);
  }
  const [command = "", ...args] = argv;
  if (settings.length === 0) return [command, args];
  return ["/bin/sh", ["-c", `${settings.join(" && ")} && exec "$@"`, "sh", ...argv]];
}

/** This process's soft limit of open files (proc(5), limits). */
function ownOpenFiles(): string | undefined {
  return /^Max open files\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
}
