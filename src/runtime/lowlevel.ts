import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { UserError } from "../errors.ts";
import { exitStatus, runCommand } from "../process.ts";
import type { CreateCall } from "./args.ts";

/** The runtime that makes the containers: runc, crun. */
export interface LowLevelRuntime {
  /** Runs a call with this process's streams and `fds`, relays signals, and gives its exit status. */
  run(call: CreateCall): Promise<number>;
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
}

/** The low-level runtime at `path`. Throws NO_RUNTIME when it is not there. */
export function processRuntime({ path, env, fds }: ProcessRuntimeOptions): LowLevelRuntime {
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
    run: (call) => runRelayed(path, call.argv, env, fds),
    async deleteForce(call) {
      const flags = [...call.globals, "--log", "/dev/null"];
      await runCommand(path, [...flags, "delete", "--force", call.id], { env });
    },
    stateDir: (call) => `${call.root ?? defaultRoot(path)}/${call.id}`,
  };
}

function defaultRoot(path: string): string {
  return path.endsWith("crun") ? "/run/crun" : "/run/runc";
}

function runRelayed(
  path: string,
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  fds: readonly number[],
): Promise<number> {
  const stdio: ("inherit" | "ignore" | number)[] = ["inherit", "inherit", "inherit"];
  for (const fd of fds) stdio[fd] = fd;
  for (let fd = 3; fd < stdio.length; fd++) stdio[fd] ??= "ignore";
  const [command, args] = asListener(path, argv, env);
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

/** LISTEN_FDS count only for the process that LISTEN_PID names (sd_listen_fds(3)): the sh sets it to what it becomes. */
function asListener(
  path: string,
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): [command: string, args: readonly string[]] {
  if (env["LISTEN_PID"] !== String(process.pid)) return [path, argv];
  return ["/bin/sh", ["-c", 'export LISTEN_PID=$$ && exec "$@"', "sh", path, ...argv]];
}
