import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { UserError } from "../lib/errors.ts";
import { netnsPath } from "../netns/netns.ts";
import type { Request, Response } from "./agent-main.ts";
import type { Answer, Sockets } from "./sockets.ts";

/** The command that is this program with the agent's verb behind it. */
export function agentCommand(verb: string): string[] {
  const { execPath, execArgv, argv } = process;
  const script = argv[1] ?? "";
  // The executable carries its code in itself, under a name that no file has.
  const code = script.startsWith("/$bunfs/") ? [] : [...execArgv, script];
  return [execPath, ...code, "--", verb];
}

/** A request without its number. */
type Question = Request extends infer R ? (R extends unknown ? Omit<R, "number"> : never) : never;

/** Servers and clients in the namespace `netns`, by a process of `command` in it. */
export function openAgent(netns: string, command: readonly string[]): Sockets {
  const path = netnsPath(netns);
  const child = spawn("nsenter", [`--net=${path}`, "--", ...command, netns], {
    stdio: ["pipe", "pipe", "ignore"],
    // A process that is left of a killed test is known by the same variable as a plugin.
    env: { ...process.env, CNI_NETNS: path },
  });
  const ask = questions(child, netns);
  return {
    serve: async (at) => Number(await ask({ op: "serve", at })),
    call: async (call) => {
      const answer: Answer = JSON.parse(String(await ask({ op: "call", call })));
      return answer;
    },
    fragments: async () => Number(await ask({ op: "fragments" })),
    close: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once("close", () => resolve());
        child.stdin?.end();
        child.kill("SIGKILL");
      }),
  };
}

function questions(child: ChildProcess, netns: string) {
  const waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (e: Error) => void }
  >();
  let gone: Error | undefined;
  const end = (reason: string): void => {
    gone = new UserError(
      "NETNS_FAILED",
      `no process can be run in the namespace ${netns}: ${reason}`,
      {
        hint: "install the package util-linux, which has nsenter",
      },
    );
    for (const { reject } of waiting.values()) reject(gone);
    waiting.clear();
  };
  child.on("error", (error) => end(error.message));
  child.on("close", (code, signal) => end(`it ended with ${signal ?? `exit status ${code}`}`));
  child.stdin?.on("error", () => {});
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const response: Response = JSON.parse(line);
      const asked = waiting.get(response.number);
      waiting.delete(response.number);
      if ("error" in response) asked?.reject(new Error(response.error));
      else asked?.resolve(response.value);
    });
  }
  let number = 0;
  return (question: Question): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (gone !== undefined) return reject(gone);
      number += 1;
      waiting.set(number, { resolve, reject });
      child.stdin?.write(`${JSON.stringify({ ...question, number })}\n`);
    });
}
