import type { CniArgs } from "./args.ts";
import {
  appendPlugins,
  listFromConf,
  parseListHead,
  parseNetworkConf,
  parseNetworkList,
  parseObject,
  type NetworkList,
} from "./config.ts";
import { asCniError } from "./errors.ts";
import { describeType, isObject, parseJson, type JsonObject } from "./json.ts";

/** The content of one file of libcni's cache. */
export interface CacheEntry {
  containerId: string;
  ifName: string;
  networkName: string;
  /** The path of the netns; empty when ADD was given none. */
  netns: string;
  /** The JSON text of the configuration (base64 in the file). */
  config: string;
  cniArgs: CniArgs;
  capabilityArgs: Readonly<JsonObject>;
  /** The result of ADD, as it was parsed; unchecked. */
  result?: JsonObject | undefined;
  /** Whether ADD has not succeeded: `result` is that of the plugins so far. libcni does not know the key. */
  incomplete?: boolean;
}

/** What a file of the cache turned out to be. `legacy` is a bare result, as libcni wrote it before 0.8. */
export type CacheFile =
  | { state: "missing" }
  | { state: "entry"; entry: CacheEntry }
  | { state: "legacy"; result: JsonObject }
  | { state: "corrupt"; reason: string };

const kind = "cniCacheV1";

/** The text of a cache file, with libcni's keys in libcni's order. */
export function formatCacheEntry(entry: CacheEntry): string {
  return JSON.stringify({
    kind,
    containerId: entry.containerId,
    config: Buffer.from(entry.config).toString("base64"),
    ifName: entry.ifName,
    networkName: entry.networkName,
    ...(entry.netns !== "" && { netns: entry.netns }),
    ...(entry.cniArgs.length > 0 && { cniArgs: entry.cniArgs }),
    ...(Object.keys(entry.capabilityArgs).length > 0 && { capabilityArgs: entry.capabilityArgs }),
    ...(entry.result && { result: entry.result }),
    ...(entry.incomplete && { incomplete: true }),
  });
}

/** Reads the text of a cache file, ours or libcni's. Never throws. */
export function parseCacheFile(text: string): CacheFile {
  if (text.trim() === "") return corrupt("the file is empty");
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    if (error instanceof SyntaxError) return corrupt(`not JSON: ${error.message}`);
    throw error;
  }
  if (!isObject(value)) return corrupt(`not a JSON object but ${describeType(value)}`);
  if (value["kind"] === undefined) return { state: "legacy", result: value };
  if (value["kind"] !== kind)
    return corrupt(`of the unknown kind ${JSON.stringify(value["kind"])}`);
  return readEntry(value);
}

function readEntry(value: JsonObject): CacheFile {
  const { containerId, ifName, networkName, config } = value;
  const { netns = "", cniArgs = [], capabilityArgs = {}, result } = value;
  if (!isNonEmpty(containerId) || !isNonEmpty(ifName) || !isNonEmpty(networkName)) {
    return corrupt("without container id, network name or interface name");
  }
  if (typeof netns !== "string") return corrupt("netns is not a string");
  const args = readArgs(cniArgs);
  if (args === undefined) return corrupt("cniArgs is not a list of pairs");
  return {
    state: "entry",
    entry: {
      containerId,
      ifName,
      networkName,
      netns,
      config: typeof config === "string" ? Buffer.from(config, "base64").toString("utf8") : "",
      cniArgs: args,
      capabilityArgs: isObject(capabilityArgs) ? capabilityArgs : {},
      result: isObject(result) ? result : undefined,
      ...(value["incomplete"] === true && { incomplete: true }),
    },
  };
}

function readArgs(value: unknown): CniArgs | undefined {
  if (value === null) return [];
  if (!Array.isArray(value)) return undefined;
  const pairs = value.map((pair: unknown) => {
    const [key, text]: unknown[] = Array.isArray(pair) ? pair : [];
    const isPair = typeof key === "string" && typeof text === "string";
    // No environment variable can hold a NUL.
    return isPair && !`${key}${text}`.includes("\0") ? ([key, text] as const) : undefined;
  });
  const valid = pairs.filter((pair) => pair !== undefined);
  return valid.length === pairs.length ? valid : undefined;
}

function isNonEmpty(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function corrupt(reason: string): CacheFile {
  return { state: "corrupt", reason };
}

/**
 * The list's JSON text as it is run: `raw` where it says the same, and otherwise, for a list that was changed after it was
 * parsed, what `raw` has with the list's own fields over it.
 */
export function configText(list: NetworkList): string {
  const written = parseCachedConfig(list.raw);
  if (written !== undefined && isSameRun(written, list)) return list.raw;
  const { cniVersions: _cniVersions, ...others } = listKeys(list.raw);
  return JSON.stringify({ ...others, ...runOf(list) });
}

/** Reads a list, or the configuration of a single plugin that was added by itself; undefined for what is neither. */
export function parseCachedConfig(config: string): NetworkList | undefined {
  return ifValid(() =>
    "plugins" in parseObject(config)
      ? parseNetworkList(config)
      : listFromConf(parseNetworkConf(config)),
  );
}

/** A cached list with the further plugins of `given`; undefined when the one does not begin as the other. */
export function completedConfig(config: string, given: NetworkList): NetworkList | undefined {
  const list = parseCachedHead(config);
  if (list === undefined || list.loadOnlyInlinedPlugins || list.name !== given.name)
    return undefined;
  const count = list.plugins.length;
  const isBeginning =
    JSON.stringify(list.plugins) === JSON.stringify(given.plugins.slice(0, count));
  return isBeginning ? appendPlugins(list, given.plugins.slice(count)) : undefined;
}

function parseCachedHead(config: string): NetworkList | undefined {
  return ifValid(() => {
    const object = parseObject(config);
    // The configuration of a single plugin would pass for a list without plugins.
    const isSingle = "type" in object && !("plugins" in object);
    return isSingle ? undefined : parseListHead(config);
  });
}

function isSameRun(a: NetworkList, b: NetworkList): boolean {
  return JSON.stringify(runOf(a)) === JSON.stringify(runOf(b));
}

function runOf(list: NetworkList): JsonObject {
  const { cniVersion, name, disableCheck, disableGC, loadOnlyInlinedPlugins, plugins } = list;
  return { cniVersion, name, disableCheck, disableGC, loadOnlyInlinedPlugins, plugins };
}

/** The keys of a list's text; none for that of a single plugin, whose keys are the plugin's. */
function listKeys(raw: string): JsonObject {
  const object = ifValid(() => parseObject(raw)) ?? {};
  return "plugins" in object ? object : {};
}

/** What `read` gives; undefined where it throws a CniError. */
export function ifValid<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    asCniError(error);
    return undefined;
  }
}
