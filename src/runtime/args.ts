import { UserError } from "../lib/errors.ts";

/** What the launcher hands to the program, in front of `--`. */
export interface OwnOptions {
  /** The configuration file, and whether the operator named it (then it has to exist). */
  config: string;
  configGiven: boolean;
  /** The folder of the state in place of the configuration's; undefined when none was named. */
  stateDir?: string;
  /** The low-level runtime; empty when none was found. */
  runtimePath: string;
  /** The launcher itself, and the folder of the hooks. */
  launcher: string;
  hooks: string;
  /** Open descriptors above 2 that go on to the low-level runtime (`--preserve-fds`, LISTEN_FDS). */
  fds: number[];
  /** The soft limit of open files that the engine called with (`ulimit -S -n`); undefined when it is not told. */
  openFiles: string | undefined;
  /** What a person asks of docker-cni itself: help, its version, a command that there is not. */
  person: boolean;
  /** Whether Docker's client called, with docker-cni as its plugin: every word is ours then. */
  plugin: boolean;
  rest: string[];
}

/** Splits the program's arguments: its own options, then what follows `--`. */
export function parseOwnOptions(argv: readonly string[]): OwnOptions {
  const options: OwnOptions = {
    config: "",
    configGiven: false,
    runtimePath: "",
    launcher: "",
    hooks: "",
    fds: [],
    openFiles: undefined,
    person: false,
    plugin: false,
    rest: [],
  };
  for (const [index, arg] of argv.entries()) {
    if (arg === "--") {
      options.rest = argv.slice(index + 1);
      break;
    }
    const [name, value] = splitFlag(arg);
    if (name === "config") options.config = value ?? "";
    else if (name === "state-dir" && value) options.stateDir = value;
    else if (name === "config-given") options.configGiven = true;
    else if (name === "runtime-path") options.runtimePath = value ?? "";
    else if (name === "launcher") options.launcher = value ?? "";
    else if (name === "hooks") options.hooks = value ?? "";
    else if (name === "fds") options.fds = (value ?? "").split(",").map(Number);
    else if (name === "person") options.person = true;
    else if (name === "plugin") options.plugin = true;
    else if (name === "open-files") options.openFiles = value;
    else throw new UserError("BAD_ARGS", `unknown option ${arg}`);
  }
  return options;
}

/** A call of the low-level runtime that makes a container, as runc and crun read it. */
export interface CreateCall {
  command: "create" | "run" | "restore";
  /** All arguments, unchanged. */
  argv: readonly string[];
  /** Empty when none was given: the low-level runtime has the right words for that. */
  id: string;
  /** The bundle's folder; the current one when not named. */
  bundle: string;
  /** How many descriptors above those of systemd's activation go on to the container. */
  preserveFds: number;
  /** Whether `run` and `restore` return when the container is running. */
  detach: boolean;
  /** Global flags that other calls for the same container need too: `--root`, `--log` and so on, unchanged. */
  globals: readonly string[];
  root: string | undefined;
  log: string | undefined;
  logFormat: "text" | "json";
}

const CREATE_COMMANDS: ReadonlySet<string | undefined> = new Set(["create", "run", "restore"]);

/** Whether a call of the launcher's is an operator's: its first word is no flag, and not one that makes a container. */
export function isOperatorCall({ person, plugin, rest: [word] }: OwnOptions): boolean {
  return person || plugin || (word?.startsWith("-") === false && !CREATE_COMMANDS.has(word));
}

/** Global flags of runc and crun that take a value; the launcher passes over them too. */
export const globalValues: ReadonlySet<string> = new Set([
  "root",
  "log",
  "log-format",
  "log-level",
  "criu",
  "rootless",
  "cgroup-manager",
]);

const COMMAND_VALUES = new Set([
  "bundle",
  "b",
  "config",
  "f",
  "console-socket",
  "pid-file",
  "pidfd-socket",
  "preserve-fds",
  "image-path",
  "work-path",
  "parent-path",
  "page-server",
  "manage-cgroups-mode",
  "empty-ns",
  "lsm-profile",
  "lsm-mount-context",
]);

/**
 * Reads a `create`, `run` or `restore` call. Flags are `--name value`, `--name=value` or with a single dash, before
 * and behind the container's id, as in runc's command-line library; `--` ends them.
 * The id is empty when there is none. Throws BAD_ARGS when there is no such command.
 */
export function parseCreateCall(argv: readonly string[]): CreateCall {
  const globals = readFlags(argv, 0, globalValues);
  const command = argv[globals.end];
  if (command !== "create" && command !== "run" && command !== "restore") {
    throw new UserError("BAD_ARGS", `not a call that makes a container: ${argv.join(" ")}`);
  }
  const flags = new Map<string, string>();
  const names: string[] = [];
  let at = globals.end + 1;
  while (at < argv.length) {
    const read = readFlags(argv, at, COMMAND_VALUES);
    for (const [name, value] of read.flags) flags.set(name, value);
    if (read.terminated) {
      names.push(...argv.slice(read.end));
      break;
    }
    if (read.end < argv.length) names.push(argv[read.end] ?? "");
    at = read.end + 1;
  }
  return {
    command,
    argv,
    id: names[0] ?? "",
    bundle: flags.get("bundle") ?? flags.get("b") ?? ".",
    preserveFds: Number(flags.get("preserve-fds") ?? 0),
    detach: isSet(flags.get("detach") ?? flags.get("d")),
    globals: argv.slice(0, globals.end),
    root: globals.flags.get("root"),
    log: globals.flags.get("log"),
    logFormat: globals.flags.get("log-format") === "json" ? "json" : "text",
  };
}

interface Flags {
  flags: Map<string, string>;
  /** The index of the first argument that is no flag. */
  end: number;
  /** Whether `--` ended the flags. */
  terminated: boolean;
}

function readFlags(argv: readonly string[], start: number, withValue: ReadonlySet<string>): Flags {
  const flags = new Map<string, string>();
  let at = start;
  for (; at < argv.length; at++) {
    const arg = argv[at] ?? "";
    if (arg === "--") return { flags, end: at + 1, terminated: true };
    if (arg === "-" || !arg.startsWith("-")) break;
    const [name, value] = splitFlag(arg);
    if (value !== undefined) flags.set(name, value);
    else if (withValue.has(name)) flags.set(name, argv[++at] ?? "");
    else flags.set(name, "true");
  }
  return { flags, end: Math.min(at, argv.length), terminated: false };
}

function splitFlag(arg: string): [name: string, value: string | undefined] {
  const name = arg.replace(/^--?/, "");
  const equals = name.indexOf("=");
  return equals < 0 ? [name, undefined] : [name.slice(0, equals), name.slice(equals + 1)];
}

function isSet(flag: string | undefined): boolean {
  return flag !== undefined && ["1", "t", "true"].includes(flag.toLowerCase());
}

/** See runGoHook. */
export const GO_HOOK = "go-hook";

/** The calls that our own hooks and the launcher make. */
export const innerVerbs: ReadonlySet<string> = new Set(["attach-netns", "settle", GO_HOOK]);

/** Whether the word is a call that our own hook or launcher makes. */
export function isHookVerb(word: string | undefined): boolean {
  return word !== undefined && innerVerbs.has(word);
}
