import { Command, CommanderError } from "commander";
import type { Config } from "../config/config.ts";
import type { SandboxContext } from "../sandbox/context.ts";
import type { Tracer } from "../trace.ts";
import { describeError, UserError } from "../errors.ts";
import { checkCommand, healCommand } from "./check.ts";
import { gcCommand } from "./gc.ts";
import { inspectCommand } from "./inspect.ts";
import { lsCommand } from "./ls.ts";
import { printable } from "./table.ts";
import { traceCommand } from "./trace.ts";

export interface OperatorCall {
  /** The verb and what follows it. */
  argv: readonly string[];
  config: Config;
  sandbox: SandboxContext;
  tracer: Tracer;
  /** Writes lines to the terminal, see `printable`. */
  print: (...lines: string[]) => void;
  /** Sets the exit status of the command that runs. */
  exit: (status: number) => void;
}

/** Runs an operator's command and gives its exit status. */
export async function runOperatorVerb(call: Omit<OperatorCall, "print" | "exit">): Promise<number> {
  let status = 0;
  const verbs: OperatorCall = {
    ...call,
    print: (...lines) => process.stdout.write(`${printable(lines.join("\n"))}\n`),
    exit: (code) => (status = code),
  };
  const program = new Command("docker-cni")
    .description("what an operator asks of docker-cni")
    .exitOverride();
  for (const make of [
    lsCommand,
    inspectCommand,
    checkCommand,
    healCommand,
    gcCommand,
    traceCommand,
  ]) {
    const command = make(verbs);
    program.addCommand(command.copyInheritedSettings(program).addHelpText("after", EXIT_CODES));
  }
  try {
    await program.parseAsync(call.argv, { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!(error instanceof UserError) || error.code !== "NO_SUCH_CONTAINER") throw error;
    process.stderr.write(`docker-cni: ${printable(describeError(error))}\n`);
    return 2;
  }
}

const EXIT_CODES = `
Exit status:
  0  all is well
  1  something is broken, or could not be done
  2  wrong usage, or there is no such container
`;
