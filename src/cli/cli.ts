import { Command, CommanderError } from "commander";
import type { Config } from "../config/config.ts";
import type { SandboxContext } from "../sandbox/context.ts";
import type { Tracer } from "../lib/trace.ts";
import { describeError, UserError } from "../lib/errors.ts";
import { checkCommand, healCommand } from "./check.ts";
import { gcCommand } from "./gc.ts";
import { inspectCommand } from "./inspect.ts";
import { lsCommand } from "./ls.ts";
import { runBesideEngine } from "./mounts.ts";
import { printable } from "./table.ts";
import { traceCommand } from "./trace.ts";
import { versionCommand } from "./version.ts";

export interface OperatorCall {
  /** The verb and what follows it. */
  argv: readonly string[];
  config: Config;
  sandbox: SandboxContext;
  /** The same over another folder of state. */
  contextIn: (stateDir: string) => SandboxContext;
  tracer: Tracer;
  /** The low-level runtime that makes new containers; empty when none was found. */
  runtimePath: string;
  /** Writes lines to the terminal, see `printable`. */
  print: (...lines: string[]) => void;
  /** Sets the exit status of the command that runs. */
  exit: (status: number) => void;
}

/** Runs an operator's command and gives its exit status. */
export async function runOperatorVerb(call: Omit<OperatorCall, "print" | "exit">): Promise<number> {
  const inside = runBesideEngine(call.sandbox, process.argv.slice(2));
  if (inside !== undefined) return inside;
  let status = 0;
  const verbs: OperatorCall = {
    ...call,
    print: (...lines) => process.stdout.write(`${printable(lines.join("\n"))}\n`),
    exit: (code) => (status = code),
  };
  const program = new Command("docker-cni")
    .description(ABOUT)
    .showHelpAfterError(
      `docker-cni help tells the commands; those of the low-level runtime alone: ${call.runtimePath || "runc"} COMMAND`,
    )
    .exitOverride();
  for (const make of [
    lsCommand,
    inspectCommand,
    checkCommand,
    healCommand,
    gcCommand,
    traceCommand,
    versionCommand,
  ]) {
    const command = make(verbs);
    program.addCommand(command.copyInheritedSettings(program).addHelpText("after", EXIT_CODES));
  }
  try {
    const argv = call.argv.length === 0 ? ["--help"] : call.argv;
    await program.parseAsync(argv, { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!(error instanceof UserError) || error.code !== "NO_SUCH_CONTAINER") throw error;
    process.stderr.write(`docker-cni: ${printable(describeError(error))}\n`);
    return 2;
  }
}

const ABOUT = [
  "docker-cni gives plain Docker containers CNI networks.",
  "Engines call it in place of the low-level runtime, with that runtime's arguments; below are the commands for people.",
  "In front of them: --config FILE (/etc/docker/cni.yaml).",
].join(" ");

const EXIT_CODES = `
Exit status:
  0  all is well
  1  something is broken, or could not be done
  2  wrong usage, or there is no such container
`;
