import { CniError } from "./errors.ts";
import { describeJsonFault } from "./json-fault.ts";
import { describeType, formatJson, isObject, parseJson, type JsonObject } from "./json.ts";
import { assertNetworkName, isValidNetworkName, isValidPluginType } from "./names.ts";
import { chooseVersion, isVersion } from "./versions.ts";

/** One plugin object of a network list, with every key it had in the file. */
export interface PluginConfig {
  /** The plugin's file name on CNI_PATH. */
  type: string;
  name?: string;
  cniVersion?: string;
  /** The capabilityArgs that the plugin wants to be given as `runtimeConfig`. */
  capabilities?: Readonly<Record<string, boolean>> | null;
  [key: string]: unknown;
}

/** A single plugin's configuration that is a network by itself: the content of a `.conf` file. */
export interface NetworkConf extends PluginConfig {
  name: string;
}

/** A network configuration list (specification 1.1.0, section 1). */
export interface NetworkList {
  name: string;
  /** The version spoken with the plugins: the highest that the list offers and this library knows. */
  cniVersion: string;
  plugins: PluginConfig[];
  disableCheck: boolean;
  disableGC: boolean;
  loadOnlyInlinedPlugins: boolean;
  /** The JSON text that it was parsed from, plugins from the list's folder included; what is cached follows later changes. */
  raw: string;
  /** The file that it was loaded from. */
  file?: string;
}

/** Reads the JSON text of a network list; throws a CniError of kind `invalid` for what is none. */
export function parseNetworkList(json: string): NetworkList {
  const list = parseListHead(json);
  if (list.plugins.length === 0) throw invalid("no plugins in the list");
  return list;
}

/** Reads the JSON text of a single plugin's configuration; throws a CniError of kind `invalid`. */
export function parseNetworkConf(json: string): NetworkConf {
  const object = parseObject(json);
  const { name } = object;
  if (object["type"] === undefined && "plugins" in object) {
    throw invalid('no "type"; a list of plugins belongs in a .conflist file');
  }
  return { ...readPlugin(object), name: readName(name) };
}

/** A network list of one plugin, as libcni up-converts a `.conf` file. */
export function listFromConf(conf: NetworkConf): NetworkList {
  const { name, cniVersion } = conf;
  const versions = readVersions(conf["cniVersions"]);
  const head = { cniVersion: chooseVersion(cniVersion, versions), name };
  const raw = formatJson({ ...head, plugins: [conf] }, "the network configuration");
  return {
    ...head,
    plugins: [conf],
    disableCheck: false,
    disableGC: false,
    loadOnlyInlinedPlugins: false,
    raw,
  };
}

/** As `parseNetworkList`, but the plugins may still have to come from the list's folder. */
export function parseListHead(json: string): NetworkList {
  const object = parseObject(json);
  const name = readName(object["name"]);
  const cniVersion = chooseVersion(
    readVersion(object["cniVersion"]),
    readVersions(object["cniVersions"]),
  );
  const loadOnlyInlinedPlugins = readFlag(object, "loadOnlyInlinedPlugins");
  if (object["plugins"] === undefined && loadOnlyInlinedPlugins) {
    throw invalid("loadOnlyInlinedPlugins is true and there is no plugins key");
  }
  return {
    name,
    cniVersion,
    plugins: readPlugins(object["plugins"]),
    disableCheck: readFlag(object, "disableCheck"),
    disableGC: readFlag(object, "disableGC"),
    loadOnlyInlinedPlugins,
    raw: json,
  };
}

/** Reads the JSON text of a plugin object that belongs to a list. */
export function parsePlugin(json: string): PluginConfig {
  return readPlugin(parseObject(json));
}

/** The list with further plugins behind its own, in `raw` too. */
export function appendPlugins(list: NetworkList, plugins: readonly PluginConfig[]): NetworkList {
  if (plugins.length === 0) return list;
  const all = [...list.plugins, ...plugins];
  return { ...list, plugins: all, raw: JSON.stringify({ ...parseObject(list.raw), plugins: all }) };
}

/** Throws a CniError for a list that plugins could not be given: of a bad name, or with what JSON cannot say. */
export function assertNetwork({ name, plugins }: Pick<NetworkList, "name" | "plugins">): void {
  assertNetworkName(name);
  formatJson(plugins, `network ${JSON.stringify(name)}`);
}

/** The capabilities that any plugin of the list declares true, sorted. */
export function capabilitiesOf(list: Pick<NetworkList, "plugins">): string[] {
  const names = list.plugins.flatMap((plugin) => Object.entries(plugin.capabilities ?? {}));
  return [...new Set(names.filter(([, enabled]) => enabled).map(([name]) => name))].sort();
}

/** Whether any plugin of the list declares `capability` true, so that its capabilityArgs reach a plugin. */
export function declaresCapability(
  list: Pick<NetworkList, "plugins">,
  capability: string,
): boolean {
  return capabilitiesOf(list).includes(capability);
}

/**
 * The plugins that declare `capability`, when they can be called alone: they are chained, so that the interface is another's, and
 * give no addresses. undefined when there is none, or one of them cannot.
 */
export function separablePlugins(
  { plugins }: Pick<NetworkList, "plugins">,
  capability: string,
): PluginConfig[] | undefined {
  const able = plugins.filter(({ capabilities }) => capabilities?.[capability] === true);
  const isWhole = able.every((plugin) => plugin !== plugins[0] && plugin["ipam"] === undefined);
  return able.length > 0 && isWhole ? able : undefined;
}

function whyNotJson(text: string, { message }: SyntaxError): string {
  if (text.startsWith("\uFEFF")) {
    return "it begins with a byte order mark (BOM), which JSON does not have: save it as UTF-8 without one";
  }
  if (text.trim() === "") return "it is empty";
  return `it is not JSON: ${message.includes("nested") ? message : describeJsonFault(text)}`;
}

export function parseObject(json: string): JsonObject {
  let value: unknown;
  try {
    value = parseJson(json);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw invalid(whyNotJson(json, error), error);
  }
  if (isObject(value)) return value;
  throw invalid(`it has to be a JSON object and is ${describeType(value)}`);
}

function readName(name: unknown): string {
  if (name === undefined) throw invalid('no "name"');
  if (typeof name !== "string")
    throw invalid(`"name" has to be a string and is ${describeType(name)}`);
  if (isValidNetworkName(name)) return name;
  throw invalid(
    `"name" is ${JSON.stringify(name)}: it has to start with a letter or digit and to hold only letters, digits, _ . -`,
  );
}

function readVersion(version: unknown): string | undefined {
  if (version === undefined || version === null || version === "") return undefined;
  if (typeof version === "string" && isVersion(version)) return version;
  throw invalid(`invalid cniVersion ${JSON.stringify(version)}`);
}

function readVersions(versions: unknown): string[] {
  if (versions === undefined || versions === null) return [];
  if (!Array.isArray(versions))
    throw invalid(`"cniVersions" has to be a list and is ${describeType(versions)}`);
  return versions.map((version: unknown) => {
    const read = readVersion(version);
    if (read === undefined)
      throw invalid(`invalid entry ${JSON.stringify(version)} in cniVersions`);
    return read;
  });
}

function readFlag(object: JsonObject, key: string): boolean {
  const value = object[key];
  if (value === undefined) return false;
  if (typeof value === "boolean") return value;
  const text = typeof value === "string" ? value.toLowerCase() : undefined;
  if (text === "true" || text === "false") return text === "true";
  throw invalid(`"${key}" has to be true or false and is ${JSON.stringify(value)}`);
}

function readPlugins(plugins: unknown): PluginConfig[] {
  if (plugins === undefined) return [];
  if (!Array.isArray(plugins))
    throw invalid(`"plugins" has to be a list and is ${describeType(plugins)}`);
  if (plugins.length === 0) throw invalid("no plugins in the list");
  return plugins.map((plugin: unknown, index) => {
    if (isObject(plugin)) return readPlugin(plugin, ` in plugin ${index + 1}`);
    throw invalid(`plugin ${index + 1} has to be an object and is ${describeType(plugin)}`);
  });
}

function readPlugin(plugin: JsonObject, where = ""): PluginConfig {
  const { type, capabilities } = plugin;
  if (type === undefined || type === "") throw invalid(`no "type"${where}`);
  if (typeof type !== "string" || !isValidPluginType(type)) {
    throw invalid(
      `"type"${where} is ${JSON.stringify(type)}: it has to be the plain name of an executable, without a slash`,
    );
  }
  readVersion(plugin["cniVersion"]);
  return {
    ...plugin,
    type,
    ...(isPresent(capabilities) && { capabilities: readCapabilities(capabilities, where) }),
  };
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function readCapabilities(capabilities: unknown, where: string): Record<string, boolean> {
  if (!isObject(capabilities)) {
    throw invalid(
      `"capabilities"${where} has to be an object and is ${describeType(capabilities)}`,
    );
  }
  const entries = Object.entries(capabilities).map(([name, enabled]): [string, boolean] => {
    if (typeof enabled === "boolean") return [name, enabled];
    throw invalid(`capability ${JSON.stringify(name)}${where} has to be true or false`);
  });
  return Object.fromEntries(entries);
}

function invalid(what: string, cause?: unknown): CniError {
  return new CniError({ kind: "invalid", msg: `invalid network configuration: ${what}`, cause });
}
