import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ifReadable } from "../lib/errors.ts";
import { type FieldReader, fieldReader } from "../lib/fields.ts";

/** A container that Docker has, whoever runs it. */
export interface EngineContainer {
  id: string;
  name: string | undefined;
  /** `<data root>/containers/<id>` */
  directory: string;
  /** The name of its runtime in daemon.json. */
  runtime: string | undefined;
  running: boolean;
  /** False where it was made and never started. */
  wasStarted: boolean;
}

/** Where Docker keeps its containers unless told otherwise. */
const DEFAULT_DIR = "/var/lib/docker/containers";
const DEFAULT_CONFIG = "/etc/docker/daemon.json";

/**
 * The folders of containers of the Docker daemons that run on this machine, by their command lines and configurations; without any,
 * Docker's default.
 */
export function runningContainersDirs(proc = "/proc"): string[] {
  const dirs = daemonCalls(proc).map((argv) => {
    const root = option(argv, "--data-root") ?? option(argv, "--graph") ?? option(argv, "-g");
    const configured = readJson(configOf(argv)).string("data-root");
    return join(root ?? configured ?? dirname(DEFAULT_DIR), "containers");
  });
  return dirs.length > 0 ? [...new Set(dirs)] : [DEFAULT_DIR];
}

/** The configuration files (daemon.json) of the Docker daemons that run; without any, the default one. */
export function runningConfigFiles(proc = "/proc"): string[] {
  const files = daemonCalls(proc).map(configOf);
  return files.length > 0 ? [...new Set(files)] : [DEFAULT_CONFIG];
}

function configOf(argv: readonly string[]): string {
  return option(argv, "--config-file") ?? DEFAULT_CONFIG;
}

/** The command lines of all dockerd. */
function daemonCalls(proc: string): string[][] {
  return listFolder(proc)
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => readText(join(proc, pid, "cmdline"))?.split("\0") ?? [])
    .filter(([program = ""]) => basename(program) === "dockerd");
}

/**
 * The container that `word` names, by its name, its id or the beginning of it, in this order; undefined when there is none in these
 * folders, or more than one.
 */
export function findEngineContainer(
  dirs: readonly string[],
  word: string,
): EngineContainer | undefined {
  const directories = dirs.flatMap((dir) => listFolder(dir).map((id) => join(dir, id)));
  const begun = directories.filter((each) => word !== "" && basename(each).startsWith(word));
  const whole = begun.find((each) => basename(each) === word);
  const [first, second] = begun;
  const named = directories
    .map((directory) => ({ directory, fields: readJson(join(directory, "config.v2.json")) }))
    .find(({ fields }) => fields.string("Name")?.replace(/^\//, "") === word);
  const directory = named?.directory ?? whole ?? (second === undefined ? first : undefined);
  return directory === undefined ? undefined : readContainer(directory);
}

/** All containers in these folders. */
export function listEngineContainers(dirs: readonly string[]): EngineContainer[] {
  return dirs.flatMap((dir) => listFolder(dir).map((id) => readContainer(join(dir, id))));
}

/** The name that Docker's file of the container has, and nothing else of it; undefined where there is none. */
export function readContainerName(directory: string): string | undefined {
  return nameIn(readJson(join(directory, "config.v2.json")));
}

function nameIn(container: FieldReader): string | undefined {
  return container.string("Name")?.replace(/^\//, "") || undefined;
}

function readContainer(directory: string): EngineContainer {
  const container = readJson(join(directory, "config.v2.json"));
  const state = container.object("State");
  const startedAt = state.string("StartedAt") ?? "";
  return {
    id: basename(directory),
    name: nameIn(container),
    directory,
    runtime: readJson(join(directory, "hostconfig.json")).string("Runtime") || undefined,
    running: state.boolean("Running") ?? false,
    wasStarted: startedAt !== "" && !startedAt.startsWith("0001-"),
  };
}

/** The value of an option: the word behind it, or behind its `=`. */
function option(argv: readonly string[], name: string): string | undefined {
  const place = argv.findLastIndex((word) => word === name || word.startsWith(`${name}=`));
  if (place === -1) return undefined;
  return argv[place] === name ? argv[place + 1] : argv[place]?.slice(name.length + 1);
}

/** What cannot be read has no fields: these files are looked at for an answer to a person, and nothing hangs on them. */
function readJson(file: string): FieldReader {
  try {
    const value: unknown = JSON.parse(readText(file) ?? "{}");
    return fieldReader(value, basename(file), () => {});
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return fieldReader({}, basename(file), () => {});
  }
}

function readText(file: string): string | undefined {
  return ifReadable(() => readFileSync(file, "utf8"));
}

function listFolder(folder: string): string[] {
  return ifReadable(() => readdirSync(folder)) ?? [];
}
