import { isJsonObject, type JsonObject } from "../lib/fields.ts";
import { refused } from "./options.ts";

/** A plugin that was named with keys of its own. */
export interface AskedPlugin {
  type: string;
  keys: readonly { path: readonly string[]; value: unknown }[];
}

/** Plugins that work on the interface of another, and never make a network by themselves. */
const CHAINED: ReadonlySet<string> = new Set([
  "bandwidth",
  "firewall",
  "portmap",
  "sbr",
  "tuning",
  "vrf",
]);

/**
 * Reads `TYPE[,KEY=VALUE…]`. A dot in a key goes one object deeper (`ipam.type=dhcp`); a value that is JSON is what that says, any
 * other is a string. Throws BAD_ARGS.
 */
export function parsePluginOption(text: string): AskedPlugin {
  const [type = "", ...pairs] = text.split(/,(?=[\w.-]+=)/);
  if (!/^[A-Za-z0-9][\w.-]*$/.test(type)) throw badPlugin(text, `no plugin is called "${type}"`);
  return { type, keys: pairs.map((pair) => parsePair(pair, text)) };
}

/** The plugin that makes the interface, when it is among these. */
export function interfacePlugin(plugins: readonly AskedPlugin[]): string | undefined {
  return plugins.find(({ type }) => !CHAINED.has(type))?.type;
}

/** Whether these plugins bring an IPAM of their own. */
export function bringsIpam(plugins: readonly AskedPlugin[], type: string): boolean {
  return plugins.some(
    (plugin) =>
      plugin.type === type && plugin.keys.some(({ path }) => path.join(".") === "ipam.type"),
  );
}

/** The plugins of a network with these: the keys of one that is there go into it, any other follows behind. */
export function withAskedPlugins(
  plugins: readonly JsonObject[],
  asked: readonly AskedPlugin[],
): JsonObject[] {
  const all = plugins.map((plugin) => ({ ...plugin }));
  for (const { type, keys } of asked) {
    let plugin = all.find((each) => each["type"] === type);
    if (plugin === undefined) all.push((plugin = { type }));
    for (const { path, value } of keys) set(plugin, path, value);
  }
  return all;
}

function set(object: JsonObject, [key = "", ...deeper]: readonly string[], value: unknown): void {
  if (deeper.length === 0) {
    object[key] = value;
    return;
  }
  const before = Object.hasOwn(object, key) ? object[key] : undefined;
  const inner = isJsonObject(before) ? { ...before } : {};
  set(inner, deeper, value);
  object[key] = inner;
}

function parsePair(pair: string, whole: string): AskedPlugin["keys"][number] {
  const split = pair.indexOf("=");
  const path = pair.slice(0, split).split(".");
  // No word with __ in front: __proto__ is no key.
  if (!path.every((word) => /^[A-Za-z][\w-]*$/.test(word)) || path[0] === "type") {
    throw badPlugin(whole, `"${pair.slice(0, split)}" is no key to set`);
  }
  return { path, value: parseValue(pair.slice(split + 1)) };
}

function parseValue(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

function badPlugin(text: string, why: string) {
  const hint = "write TYPE,KEY=VALUE, such as bridge,vlan=5 or macvlan,ipam.type=dhcp";
  return refused(`--plugin ${JSON.stringify(text)}`, why, hint);
}
