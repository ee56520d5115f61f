import { attachmentOf } from "./cache.ts";
import { delList, type Tools } from "./attachment-ops.ts";
import { assertNetwork, capabilitiesOf, type NetworkList, type PluginConfig } from "./config.ts";
import { pluginEnv, versionEnv } from "./env.ts";
import { asCniError, CniError, joinErrors, type CniCommand } from "./errors.ts";
import { callPlugin, contextOf, type Invoker, type PluginRequest } from "./invoke.ts";
import { isObject } from "./json.ts";
import { parseOutput } from "./output.ts";
import type { RuntimeConf } from "./recall.ts";
import { pluginStdin, versionStdin, type StdinExtras, type ValidAttachment } from "./stdin.ts";
import { currentVersion, defaultVersion, isAtLeast } from "./versions.ts";

/** What a plugin says of itself on VERSION. */
export interface PluginVersions {
  cniVersion: string;
  supportedVersions: string[];
}

/**
 * GC: first DEL of every cached attachment of the network that is not in `validAttachments`; then, from 1.1.0, the GC verb
 * of every plugin. Nothing when the list has disableGC. A failure does not stop the rest; all are thrown together at the end.
 */
export async function gcList(
  tools: Tools,
  list: NetworkList,
  { validAttachments }: { validAttachments: readonly ValidAttachment[] },
): Promise<void> {
  assertNetwork(list);
  if (list.disableGC) return;
  const errors = await delInvalid(tools, list, validAttachments);
  if (isAtLeast(list.cniVersion, "1.1.0")) {
    for (const plugin of list.plugins) {
      const request = networkRequest(tools.invoker, {
        command: "GC",
        list,
        plugin,
        extras: { validAttachments },
      });
      const failure = await failureOf(() => callPlugin(tools.invoker, request));
      if (failure !== undefined) errors.push(failure);
    }
  }
  const failure = joinErrors(errors);
  if (failure !== undefined) throw failure;
}

/** STATUS, from 1.1.0 on: resolves when every plugin can serve ADD, throws the first error (code 50 or 51) otherwise. */
export async function statusList({ invoker }: Tools, list: NetworkList): Promise<void> {
  assertNetwork(list);
  if (!isAtLeast(list.cniVersion, "1.1.0")) return;
  for (const plugin of list.plugins) {
    await callPlugin(invoker, networkRequest(invoker, { command: "STATUS", list, plugin }));
  }
}

/**
 * Asks every plugin of the list for its versions. Returns the capabilities that the list declares, sorted; throws one error for
 * all plugins that are missing or do not speak the list's version.
 */
export async function validateList({ invoker }: Tools, list: NetworkList): Promise<string[]> {
  assertNetwork(list);
  const errors: CniError[] = [];
  for (const type of new Set(list.plugins.map((plugin) => plugin.type))) {
    const failure = await failureOf(() => assertSpeaks(invoker, type, list));
    if (failure !== undefined) errors.push(failure);
  }
  const failure = joinErrors(errors);
  if (failure !== undefined) throw failure;
  return capabilitiesOf(list);
}

/** VERSION. A plugin from before that verb existed speaks 0.1.0 only. */
export async function pluginVersions(
  invoker: Invoker,
  type: string,
  network?: string,
): Promise<PluginVersions> {
  const request: PluginRequest = {
    command: "VERSION",
    plugin: type,
    ...(network !== undefined && { network }),
    env: versionEnv(invoker.env),
    stdin: versionStdin(currentVersion),
  };
  let stdout: string;
  try {
    stdout = await callPlugin(invoker, request);
  } catch (error) {
    if (!asCniError(error).msg.trim().endsWith("unknown CNI_COMMAND: VERSION")) throw error;
    return { cniVersion: defaultVersion, supportedVersions: [defaultVersion] };
  }
  const versions = readVersions(parseOutput(stdout, contextOf(invoker, request)));
  if (versions !== undefined) return versions;
  const msg = "it printed no list of the versions that it supports";
  throw new CniError({ kind: "bad-output", msg, command: "VERSION", plugin: type, network });
}

async function delInvalid(
  tools: Tools,
  list: NetworkList,
  valid: readonly ValidAttachment[],
): Promise<CniError[]> {
  const keep = new Set(valid.map(({ containerId, ifName }) => `${containerId}/${ifName}`));
  const errors: CniError[] = [];
  for (const entry of tools.cache.list()) {
    const { containerId, ifName, netns, cniArgs, capabilityArgs } = attachmentOf(entry);
    if (entry.networkName !== list.name || keep.has(`${containerId}/${ifName}`)) continue;
    const rt: RuntimeConf = { containerId, ifName, netns, cniArgs, capabilityArgs };
    const failure = await failureOf(() => delList(tools, list, rt));
    if (failure !== undefined) errors.push(failure);
  }
  return errors;
}

async function assertSpeaks(
  invoker: Invoker,
  type: string,
  { name, cniVersion }: NetworkList,
): Promise<void> {
  const { supportedVersions } = await pluginVersions(invoker, type, name);
  if (supportedVersions.includes(cniVersion)) return;
  const msg = `it does not support CNI version ${cniVersion}, only ${supportedVersions.join(", ")}`;
  throw new CniError({ kind: "unsupported", msg, command: "VERSION", plugin: type, network: name });
}

function readVersions(value: unknown): PluginVersions | undefined {
  if (!isObject(value)) return undefined;
  const { cniVersion, supportedVersions } = value;
  if (typeof cniVersion !== "string" || cniVersion === "") return undefined;
  const versions = Array.isArray(supportedVersions)
    ? supportedVersions.filter((each) => typeof each === "string")
    : [];
  if (versions.length > 0) return { cniVersion, supportedVersions: versions };
  // 0.2.0 had the verb, and no such list.
  return cniVersion === "0.2.0" ? { cniVersion, supportedVersions: ["0.1.0", "0.2.0"] } : undefined;
}

function networkRequest(
  { env, pluginDirs }: Invoker,
  call: { command: CniCommand; list: NetworkList; plugin: PluginConfig; extras?: StdinExtras },
): PluginRequest {
  const { command, list, plugin, extras } = call;
  return {
    command,
    plugin: plugin.type,
    network: list.name,
    env: pluginEnv(env, { command, pluginDirs }),
    stdin: pluginStdin(list, plugin, extras),
  };
}

async function failureOf(operation: () => Promise<unknown>): Promise<CniError | undefined> {
  try {
    await operation();
    return undefined;
  } catch (error) {
    return asCniError(error);
  }
}
