import { readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import {
  appendPlugins,
  listFromConf,
  parseListHead,
  parseNetworkConf,
  parsePlugin,
  type NetworkList,
  type PluginConfig,
} from "./config.ts";
import { CniError } from "./errors.ts";
import { errnoOf } from "./system-error.ts";

/** A configuration file that could not be used. */
export interface SkippedFile {
  file: string;
  reason: string;
}

/** A network list that was found, and the broken files that were passed over on the way to it. */
export interface LoadedNetwork {
  list: NetworkList;
  skipped: SkippedFile[];
}

/**
 * Loads the network called `name` from the folder `dir`, in libcni's order: `*.conflist` sorted by name, then
 * `*.conf` and `*.json`. Broken files are passed over and named in `skipped`; throws a CniError of kind
 * `no-network` that names them when no file is left.
 */
export async function loadNetworkList(dir: string, name: string): Promise<LoadedNetwork> {
  return firstNetwork({ dir, files: listsFirst(configFiles(dir)), name });
}

/**
 * Loads the default network of the folder `dir` as kubelet does: the first usable file of `*.conflist`,
 * `*.conf` and `*.json` in one alphabetical order. Skips and throws like `loadNetworkList`.
 */
export async function loadDefaultNetworkList(dir: string): Promise<LoadedNetwork> {
  return firstNetwork({ dir, files: configFiles(dir) });
}

/** Every network of the folder, in libcni's order; of two files for one name the first counts. */
export async function loadAllNetworkLists(
  dir: string,
): Promise<{ lists: NetworkList[]; skipped: SkippedFile[] }> {
  const skipped: SkippedFile[] = [];
  const byName = new Map<string, NetworkList>();
  for (const file of listsFirst(configFiles(dir))) {
    const list = tryLoad(dir, file, skipped);
    if (list !== undefined && !byName.has(list.name)) byName.set(list.name, list);
  }
  return { lists: [...byName.values()], skipped };
}

/** Loads one file, whatever its network's name; throws a CniError that names the file when it cannot be used. */
export async function loadNetworkListFile(path: string): Promise<NetworkList> {
  try {
    return loadFile(dirname(path), path);
  } catch (cause) {
    const kind = cause instanceof CniError ? cause.kind : "no-network";
    throw new CniError({ kind, msg: `${path}: ${reasonOf(cause)}`, cause });
  }
}

/** libcni's order of files that are sorted already. */
function listsFirst(files: readonly string[]): string[] {
  return [...files.filter(isList), ...files.filter((file) => !isList(file))];
}

function isList(file: string): boolean {
  return extname(file) === ".conflist";
}

function firstNetwork(search: { dir: string; files: string[]; name?: string }): LoadedNetwork {
  const { dir, files, name } = search;
  const skipped: SkippedFile[] = [];
  const others: string[] = [];
  for (const file of files) {
    const list = tryLoad(dir, file, skipped);
    if (list === undefined) continue;
    if (name === undefined || list.name === name) return { list, skipped };
    others.push(list.name);
  }
  const wanted =
    name === undefined ? "no network configuration" : `no network ${JSON.stringify(name)}`;
  const found = others.length === 0 ? "" : `; found: ${others.join(", ")}`;
  const broken = skipped.map(({ file, reason }) => `; skipped ${file}: ${reason}`).join("");
  throw new CniError({
    kind: "no-network",
    network: name,
    msg: `${wanted} in ${dir}${found}${broken}`,
  });
}

function tryLoad(dir: string, file: string, skipped: SkippedFile[]): NetworkList | undefined {
  const path = join(dir, file);
  try {
    return loadFile(dir, path);
  } catch (error) {
    skipped.push({ file: path, reason: reasonOf(error) });
    return undefined;
  }
}

function loadFile(dir: string, path: string): NetworkList {
  const text = readRegularFile(path);
  if (!isList(path)) return { ...listFromConf(parseNetworkConf(text)), file: path };
  const head = parseListHead(text);
  const list = head.loadOnlyInlinedPlugins
    ? head
    : appendPlugins(head, folderPlugins(join(dir, head.name)));
  if (list.plugins.length > 0) return { ...list, file: path };
  throw new CniError({
    kind: "invalid",
    msg: `no plugins in the list, and none in ${join(dir, head.name)}`,
  });
}

function folderPlugins(dir: string): PluginConfig[] {
  return configFiles(dir)
    .filter((file) => extname(file) === ".conf")
    .map((file) => {
      const path = join(dir, file);
      try {
        return parsePlugin(readRegularFile(path));
      } catch (error) {
        throw new CniError({ kind: "invalid", msg: `${path}: ${reasonOf(error)}`, cause: error });
      }
    });
}

function configFiles(dir: string): string[] {
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    if (code === undefined) throw error;
    throw new CniError({
      kind: "no-network",
      msg: `cannot read ${dir}: ${reasonOf(error)}`,
      cause: error,
    });
  }
  return names
    .filter((name) => [".conflist", ".conf", ".json"].includes(extname(name)))
    .filter((name) => !isFolder(join(dir, name)))
    .sort();
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function readRegularFile(path: string): string {
  // A named pipe in the folder would block the read for ever.
  if (statSync(path).isFile()) return readFileSync(path, "utf8");
  throw new CniError({ kind: "invalid", msg: "it is not a regular file" });
}

function reasonOf(error: unknown): string {
  if (error instanceof CniError) return error.msg;
  const code = errnoOf(error);
  if (code === undefined) throw error;
  return code === "ENOENT" ? "it does not exist (a dangling link?)" : code;
}
