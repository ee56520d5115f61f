import { assertAttachment, delPlugins, requestFor, type Tools } from "./attachment-ops.ts";
import { separablePlugins, type NetworkList, type PluginConfig } from "./config.ts";
import { CniError, errorCodes } from "./errors.ts";
import { callPlugin, contextOf } from "./invoke.ts";
import { readAddOutput } from "./output.ts";
import {
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
  assertAttachment(list, rt);
  const file = cache.read(keyOf(list, rt));
  const { known, plugins } = find({ list, rt }, capability, recall(file, { list, rt }));
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
  assertAttachment(list, rt);
  const file = cache.read(keyOf(list, rt));
  const { known, plugins } = find({ list, rt }, capability, recall(file, { list, rt }));
  const prevResult = resultForDel(file, known.list.cniVersion, undefined);
  await delPlugins(invoker, known, { prevResult, plugins, keepGoing: true });
}

function find(
  { list }: Attachment,
  capability: string,
  known: Attachment,
): { known: Attachment; plugins: PluginConfig[] } {
  const plugins = separablePlugins(known.list, capability);
  if (plugins !== undefined) return { known, plugins };
  throw new CniError({
    kind: "invalid",
    code: errorCodes.invalidNetworkConfig,
    msg: `network ${JSON.stringify(list.name)}: no chained plugin alone sees to ${capability}`,
    network: list.name,
  });
}
