import { CommanderError } from "commander";
import { type Config, resolveConfig } from "../config/config.ts";
import type { OwnOptions } from "../runtime/args.ts";
import type { SandboxContext } from "../sandbox/context.ts";
import type { Tracer } from "../lib/trace.ts";
import { describeError, errnoOf, UserError } from "../lib/errors.ts";
import { AGENT_WORD } from "../prove/names.ts";
import { HELP_WORDS, programCommand, type ProgramOptions } from "./program.ts";
import { printable, render } from "./terminal.ts";
import { findVerb, type Verb } from "./verbs.ts";

/** What a command for people has to work with. */
export interface OperatorCall {
  /** The verb and what follows it. */
  argv: readonly string[];
  /** The configuration; all defaults for a verb that needs nothing. */
  config: Config;
  sandbox: SandboxContext;
  /** The same over another folder of state. */
  contextIn: (stateDir: string) => SandboxContext;
  /** The same over another configuration. */
  contextOver: (config: Config) => SandboxContext;
  tracer: Tracer;
  /** The low-level runtime that makes new containers; empty when none was found. */
  runtimePath: string;
  /** The configuration file, and whether it was named; the launcher and its hooks; whether Docker's client called. */
  options: OwnOptions;
  /** Reads the configuration file; rejects with BAD_CONFIG. */
  loadConfig: () => Promise<Config>;
  /** The environment of the caller; DOCKER_HOST, DOCKER_CONTEXT and DOCKER_CONFIG are those of the client's flags. */
  env: NodeJS.ProcessEnv;
  /** Writes lines to the terminal, see `render`. */
  print: (...lines: string[]) => void;
  /** Sets the exit status of the command that runs. */
  exit: (status: number) => void;
}

/** What `main` gives: a verb's context is made when it is known what it needs. */
export interface OperatorStart extends Pick<
  OperatorCall,
  "options" | "loadConfig" | "env" | "tracer" | "contextOver"
> {}

/** Runs an operator's command and gives its exit status. */
export async function runOperatorVerb(start: OperatorStart): Promise<number> {
  const argv = operatorWords(start.options);
  const [word] = argv;
  if (word === "docker-cli-plugin-metadata") {
    const { pluginMetadata } = await import("./plugin.ts");
    process.stdout.write(`${pluginMetadata()}\n`);
    return 0;
  }
  if (word === AGENT_WORD) {
    const { runAgent } = await import("../prove/agent-main.ts");
    return runAgent(argv[1] ?? "");
  }
  let status = 0;
  const exit = (code: number): void => void (status = code);
  if (word === "__complete" || word === "__completeNoDesc") {
    const { completions } = await import("./completion.ts");
    const call = callWith(start, { argv, config: await lenientConfig(start), exit });
    const lines = await completions(call, argv.slice(1), word === "__complete");
    process.stdout.write(lines.map((line) => `${line}\n`).join(""));
    return 0;
  }
  try {
    const { runtimePath, plugin } = start.options;
    if (plugin) {
      const { endWithClient } = await import("./plugin.ts");
      endWithClient(start.env);
    }
    const verb = findVerb(HELP_WORDS.has(word) ? argv[1] : word);
    let loaded: ProgramOptions["loaded"];
    if (verb !== undefined) {
      const config = await configFor(verb, start, argv);
      const call = callWith(start, { argv, config, exit });
      const inside =
        verb.needs === "state" && word === verb.name ? await besideEngine(call) : undefined;
      if (inside !== undefined) return inside;
      loaded = { verb, command: (await verb.load())(call) };
    }
    const program = programCommand({ plugin, runtimePath, loaded });
    await program.parseAsync(argv, { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const { withHint } = await import("../runtime/hints.ts");
    return explain(withHint(error, undefined), start.options);
  }
}

/** The verb and its words. `docker cni --version` is ours; without Docker's client it is the low-level runtime's. */
function operatorWords({ rest, plugin }: OwnOptions): readonly string[] {
  const [word, ...more] = rest;
  if (word === undefined) return ["--help"];
  return plugin && (word === "--version" || word === "-v") ? ["version", ...more] : rest;
}

interface VerbCall extends Pick<OperatorCall, "argv" | "config" | "exit"> {}

function callWith(start: OperatorStart, { argv, config, exit }: VerbCall): OperatorCall {
  const { options, loadConfig, env, tracer, contextOver } = start;
  return {
    argv,
    config,
    sandbox: contextOver(config),
    contextIn: (stateDir) => contextOver({ ...config, stateDir }),
    contextOver,
    tracer,
    runtimePath: options.runtimePath,
    options,
    loadConfig,
    env,
    print: (...lines) => process.stdout.write(`${render(lines.join("\n"))}\n`),
    exit,
  };
}

async function configFor(
  { needs }: Verb,
  start: OperatorStart,
  argv: readonly string[],
): Promise<Config> {
  if (needs === "nothing" || HELP_WORDS.has(argv[0])) return resolveConfig({});
  // Help is given whatever the configuration is like.
  return argv.some((arg) => arg === "--help" || arg === "-h")
    ? lenientConfig(start)
    : start.loadConfig();
}

async function lenientConfig({ loadConfig }: OperatorStart): Promise<Config> {
  try {
    return await loadConfig();
  } catch (error) {
    if (error instanceof UserError) return resolveConfig({});
    throw error;
  }
}

async function besideEngine({ sandbox }: OperatorCall): Promise<number | undefined> {
  const { runBesideEngine } = await import("./mounts.ts");
  return runBesideEngine(sandbox, process.argv.slice(2));
}

const WRONG_USAGE: ReadonlySet<string> = new Set(["NO_SUCH_CONTAINER", "BAD_ARGS"]);

/** Says what an operator can fix, and gives the exit status; other errors are thrown again. */
function explain(error: unknown, { plugin }: OwnOptions): number {
  const known = error instanceof UserError ? error : withoutRoot(error, plugin);
  if (known === undefined) throw error;
  process.stderr.write(`docker-cni: ${printable(describeError(known))}\n`);
  return WRONG_USAGE.has(known.code) ? 2 : 1;
}

/** Most of what the verbs read is root's. */
function withoutRoot(error: unknown, plugin: boolean): UserError | undefined {
  const denied = ["EACCES", "EPERM"].includes(errnoOf(error) ?? "");
  if (!denied || process.getuid?.() === 0) return undefined;
  const { path }: { path?: unknown } = Object(error);
  const what = typeof path === "string" ? `may not read or write ${path}` : describeError(error);
  return new UserError("NOT_ALLOWED", what, {
    hint: `run it as root: sudo ${plugin ? "docker cni" : "docker-cni"} …`,
    cause: error,
  });
}
