import { spawn } from "node:child_process";
import { Command } from "commander";
import { errnoOf, UserError } from "../lib/errors.ts";
import { exitStatus } from "../lib/process.ts";
import { netnsPath } from "../netns/netns.ts";
import type { OperatorCall } from "./cli.ts";
import { findSandbox } from "./find.ts";

/** `exec`: a command of the host in a container's network namespace. Its exit status is the command's. */
export function execCommand(call: OperatorCall): Command {
  const { sandbox, env, exit } = call;
  return new Command("exec")
    .usage("CONTAINER COMMAND [ARG...]")
    .argument("<container>", "its name, or its id or the beginning of it")
    .argument("<command...>", "a command of the host, with its own options")
    .passThroughOptions()
    .action(async (container: string, words: string[]) => {
      const { record, name, id } = await findSandbox(sandbox, container);
      if (!sandbox.netns.isAlive(record.netns)) {
        throw new UserError(
          "NETNS_FAILED",
          `the network namespace of ${name ?? id.slice(0, 12)} is not there`,
          { hint: `it is made when the container starts: docker start ${name ?? id.slice(0, 12)}` },
        );
      }
      const command = words[0] === "--" ? words.slice(1) : words;
      exit(await runInside(netnsPath(record.netns), command, env));
    });
}

/** Those that the terminal itself sends to this process and to the command. */
const OF_TERMINAL = ["SIGINT", "SIGQUIT"] as const;
const RELAYED = ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGCONT"] as const;

/**
 * Runs a command in the network namespace at `path` with this process's streams, and gives its exit status: as in a shell 127 where
 * there is no such command, 126 where it cannot be run, 128 and a signal's number where one ended it. Signals go on to it.
 */
async function runInside(
  path: string,
  command: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const child = spawn("nsenter", [`--net=${path}`, "--", ...command], { stdio: "inherit", env });
  const relay = (signal: NodeJS.Signals): void => void child.kill(signal);
  // Who sits at a terminal has sent the signal to both already.
  const fromTerminal = process.stdin.isTTY ? (): void => {} : relay;
  for (const signal of OF_TERMINAL) process.on(signal, fromTerminal);
  for (const signal of RELAYED) process.on(signal, relay);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => resolve(exitStatus(code, signal)));
    });
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    throw new UserError("NETNS_FAILED", "the command nsenter is not on PATH", {
      hint: "install the package util-linux",
      cause: error,
    });
  } finally {
    for (const signal of OF_TERMINAL) process.off(signal, fromTerminal);
    for (const signal of RELAYED) process.off(signal, relay);
  }
}
