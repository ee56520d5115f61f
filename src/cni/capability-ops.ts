import { delPlugins, type Tools } from "./attachment-ops.ts";
import type { AttachmentCache } from "./cache.ts";
import type { CacheFile } from "./cache-entry.ts";
import { separablePlugins, type NetworkList, type PluginConfig } from "./config.ts";
import { CniError, errorCodes } from "./errors.ts";
import { callPlugin, contextOf, requestFor } from "./invoke.ts";
import { readAddOutput } from "./output.ts";
import {
  assertAttachment,
  isIncomplete,
  keyOf,
  recall,
  resultForDel,
  resultIn,
  type Attachment,
  type RuntimeConf,
} from "./recall.ts";

/**
 * ADD of those chained plugins alone that declare `capability`, in order: with the configuration and arguments that the last ADD
 * of the list had and its result as prevResult, but for the value of `capability`, which is that of `rt`. It is noted in the cache
 * first, so that a later DEL has what the plugins were given. The result of the list's ADD stays. A failure is the caller's to undo.
 */
export async function addCapability(
  { invoker, cache }: Tools,
  list: NetworkList,
  rt: RuntimeConf,
  capability: string,
): Promise<void> {
  const { file, known, plugins } = find(cache, { list, rt }, capability);
  const prevResult = isIncomplete(file) ? undefined : resultIn(file, known.list.cniVersion);
  if (file.state !== "entry" || prevResult === undefined) {
    const msg = `network ${JSON.stringify(list.name)}: ADD of ${capability} alone needs the result of ADD, and none is cached`;
    throw new CniError({ kind: "cache", msg, network: list.name });
  }
  const capabilityArgs = {
    ...known.rt.capabilityArgs,
    [capability]: rt.capabilityArgs?.[capability],
  };
  cache.write({ ...file.entry, capabilityArgs }, { durable: true });
  const asked = { ...known, rt: { ...known.rt, capabilityArgs } };
  for (const plugin of plugins) {
    const request = requestFor(invoker, { command: "ADD", ...asked, plugin, prevResult });
    const stdout = await callPlugin(invoker, request);
    readAddOutput(stdout, known.list.cniVersion, contextOf(invoker, request));
  }
}

/**
 * DEL of those chained plugins alone that declare `capability`, in reverse order, with what ADD had. All are tried; the errors are
 * thrown together. The cache stays: the attachment does. May be repeated.
 */
export async function delCapability(
  { invoker, cache }: Tools,
  list: NetworkList,
  rt: RuntimeConf,
  capability: string,
): Promise<void> {
  const { file, known, plugins } = find(cache, { list, rt }, capability);
  const prevResult = resultForDel(file, known.list.cniVersion, undefined);
  await delPlugins(invoker, known, { prevResult, plugins, keepGoing: true });
}

/** The attachment as its last ADD had it, and those of its plugins that can be called alone for `capability`. */
function find(
  cache: AttachmentCache,
  { list, rt }: Attachment,
  capability: string,
): { file: CacheFile; known: Attachment; plugins: PluginConfig[] } {
  assertAttachment(list, rt);
  const file = cache.read(keyOf(list, rt));
  const known = recall(file, { list, rt });
  const plugins = separablePlugins(known.list, capability);
  if (plugins !== undefined) return { file, known, plugins };
  throw new CniError({
    kind: "invalid",
    code: errorCodes.invalidNetworkConfig,
    msg: `network ${JSON.stringify(list.name)}: no chained plugin alone sees to ${capability}`,
    network: list.name,
  });
}
