import { Command } from "commander";
import { printable } from "./terminal.ts";
import { type Verb, verbs } from "./verbs.ts";

/** The words that ask for help. */
export const HELP_WORDS: ReadonlySet<string | undefined> = new Set(["help", "--help", "-h"]);

const WIDTH = 80;

export interface ProgramOptions {
  /** Whether Docker's client called. */
  plugin: boolean;
  /** The low-level runtime, whose own commands are reached by its name; empty when none was found. */
  runtimePath: string;
  /** The verb that is called, whole. */
  loaded?: { verb: Verb; command: Command } | undefined;
}

/**
 * The command line of docker-cni: the verb that is called, and all others by their names and summaries alone, for the help and for
 * what was mistyped.
 */
export function programCommand({ plugin, runtimePath, loaded }: ProgramOptions): Command {
  const name = plugin ? "docker cni" : "docker-cni";
  const runtime = runtimePath || "runc";
  const program = new Command(name)
    .usage("COMMAND")
    .description(ABOUT)
    .enablePositionalOptions()
    .configureHelp({
      helpWidth: Math.min(WIDTH, process.stdout.columns ?? WIDTH),
      subcommandTerm: (command) => command.name(),
    })
    .configureOutput({ writeErr: (text) => void process.stderr.write(printable(text)) })
    .showHelpAfterError(
      `${name} help tells the commands; those of the low-level runtime alone: ${runtime} COMMAND`,
    )
    .exitOverride();
  program.addHelpCommand(
    new Command("help")
      .argument("[command]")
      .description("Show this help, or that of a command")
      .helpGroup("Setup:"),
  );
  for (const verb of verbs) {
    const isLoaded = verb.name === loaded?.verb.name;
    const command = isLoaded ? loaded.command : new Command(verb.name);
    if (command.description() === "") command.description(verb.summary);
    command
      .helpGroup(`${verb.group}:`)
      .copyInheritedSettings(program)
      .showHelpAfterError(`${name} ${verb.name} --help tells how it is used`)
      .addHelpText("after", EXIT_STATUS);
    for (const inner of command.commands) {
      inner
        .copyInheritedSettings(command)
        .showHelpAfterError(`${name} ${verb.name} ${inner.name()} --help tells how it is used`)
        .addHelpText("after", EXIT_STATUS);
    }
    program.addCommand(command);
  }
  return program.addHelpText("after", `\n${closing(name, runtime)}`);
}

const ABOUT = "CNI networks for plain Docker containers";

export const EXIT_STATUS = `
Exit status:
  0  all is well
  1  something is broken, or could not be done
  2  wrong usage, or there is no such container
`;

/** What is said below the commands, within 80 columns. */
function closing(name: string, runtime: string): string {
  const shared = verbs.filter(({ sharedWord }) => sharedWord).map((verb) => verb.name);
  return [
    `Run '${name} COMMAND --help' for more information on a command.`,
    "",
    "--config FILE before COMMAND names another file than /etc/docker/cni.yaml.",
    "Engines call docker-cni in place of the low-level runtime, with its arguments.",
    `That one's own commands are reached by its name: ${runtime} COMMAND`,
    ...(shared.length === 0
      ? []
      : [
          `It has ${shared.join(" and ")} too: ours are 'docker cni COMMAND',`,
          "or 'docker-cni cni COMMAND'.",
        ]),
  ].join("\n");
}
