import { assertCniArgs, invalidArg } from "./args.ts";
import type { AttachmentCache } from "./cache.ts";
import { configText } from "./cache-entry.ts";
import { separablePlugins, type NetworkList, type PluginConfig } from "./config.ts";
import { asCniError, CniError, errorCodes, joinErrors } from "./errors.ts";
import {
  callOnce,
  callPlugin,
  contextOf,
  findPlugin,
  isWorthRetry,
  pauseAfter,
  requestFor,
  type Invoker,
} from "./invoke.ts";
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
import type { Result } from "./result.ts";
import { isAtLeast } from "./versions.ts";

/** What the operations work with. */
export interface Tools {
  invoker: Invoker;
  cache: AttachmentCache;
}

/** What one operation has in place of what its `Cni` has. */
export interface CallOptions {
  /** Aborts the wait for the container's earlier operations and the running plugin call; beside the signal of the `Cni`. */
  signal?: AbortSignal;
  /** Milliseconds that each call of a plugin may take. */
  timeoutMs?: number;
  /** The environment that plugins inherit. */
  env?: NodeJS.ProcessEnv;
}

export interface CheckOptions extends CallOptions {
  /** Faults of plugins that the caller knows for false alarms: CHECK goes on with the next plugin. */
  ignore?: (fault: CniError) => boolean;
  /** A capability whose chained plugins are left out: what `delCapability` took away is not missed. */
  without?: string;
}

export interface DelOptions extends CallOptions {
  /** When a plugin fails, calls those before it in the chain too, and does not stop there as libcni does. */
  keepGoing?: boolean;
  /** The result of ADD as far as the caller knows it: for the plugins where the cache has none. */
  knownResult?: Result | undefined;
}

/** The tools of one operation. */
export function toolsFor(tools: Tools, options: CallOptions = {}): Tools {
  const { invoker } = tools;
  const { timeoutMs = invoker.timeoutMs, env = invoker.env } = options;
  const signals = [invoker.signal, options.signal].filter((signal) => signal !== undefined);
  const signal = signals.length > 1 ? AbortSignal.any(signals) : signals[0];
  return { ...tools, invoker: { ...invoker, timeoutMs, env, signal } };
}

/**
 * ADD: every plugin in order, each given the result of the one before it. When one says to try again later, what was done is
 * undone by DEL, without which no ADD may follow another, and all is begun anew after a pause.
 */
export async function addList(tools: Tools, list: NetworkList, rt: RuntimeConf): Promise<Result> {
  const { invoker } = tools;
  assertAttachment(list, rt);
  if (rt.netns === "") throw invalidArg("ADD needs the path of a network namespace");
  assertCniArgs(rt.cniArgs);
  const attachment = { list, rt };
  // Nothing is begun that a missing binary further down the chain would stop half-way.
  for (const { type } of list.plugins) {
    findPlugin(invoker, { command: "ADD", plugin: type, network: list.name });
  }
  for (let attempt = 1; ; attempt++) {
    const progress: Progress = {};
    try {
      return await addPlugins(tools, attachment, progress);
    } catch (error) {
      if (!isWorthRetry(invoker, error, attempt)) throw error;
      if (!(await undo(tools, attachment, progress))) throw error;
      await pauseAfter(invoker, attempt);
    }
  }
}

/** How far an ADD has come: the result of the last plugin that succeeded. */
interface Progress {
  result?: Result;
}

/**
 * One ADD of the chain. The cache is written after every plugin, not only at
 * the end as libcni does: when a later one fails, or this process is killed, DEL has the result of those that ran,
 * without which a plugin such as `firewall` leaves its rules behind. Until the last has succeeded the entry is marked incomplete.
 */
async function addPlugins(
  { invoker, cache }: Tools,
  { list, rt }: Attachment,
  progress: Progress,
): Promise<Result> {
  const { containerId, netns, ifName, cniArgs = [], capabilityArgs = {} } = rt;
  const names = { networkName: list.name, containerId, ifName };
  const head = { ...names, netns, config: configText(list), cniArgs, capabilityArgs };
  const last = list.plugins.at(-1);
  for (const plugin of list.plugins) {
    const call = { command: "ADD", list, plugin, rt, prevResult: progress.result } as const;
    const request = requestFor(invoker, call);
    const stdout = await callOnce(invoker, request);
    const result = readAddOutput(stdout, list.cniVersion, contextOf(invoker, request));
    progress.result = result;
    const isWhole = plugin === last;
    cache.write({ ...head, result, incomplete: !isWhole }, { durable: isWhole });
  }
  if (progress.result !== undefined) return progress.result;
  throw invalidArg(`network ${JSON.stringify(list.name)} has no plugins`);
}

/** DEL of an ADD that failed; whether all went well. The caller's abort is thrown on. */
async function undo(
  { invoker, cache }: Tools,
  attachment: Attachment,
  { result }: Progress,
): Promise<boolean> {
  const { list, rt } = attachment;
  const prevResult = isAtLeast(list.cniVersion, "0.4.0") ? result : undefined;
  try {
    await delPlugins(invoker, attachment, { prevResult, keepGoing: true });
  } catch (error) {
    asCniError(error);
    if (invoker.signal?.aborted) throw error;
    return false;
  }
  cache.remove(keyOf(list, rt));
  return true;
}

/**
 * CHECK: every plugin in order, each given the final result of ADD, with ADD's configuration and arguments. Whether that is
 * done, and in which version, is for the list as it is now to say.
 */
export async function checkList(
  tools: Tools,
  list: NetworkList,
  rt: RuntimeConf,
  options: CheckOptions = {},
): Promise<void> {
  assertAttachment(list, rt);
  if (!isAtLeast(list.cniVersion, "0.4.0")) {
    const msg = `configuration version ${JSON.stringify(list.cniVersion)} does not support the CHECK command`;
    throw new CniError({ kind: "unsupported", msg, network: list.name });
  }
  if (list.disableCheck) return;
  const file = tools.cache.read(keyOf(list, rt));
  const known = recall(file, { list, rt });
  const asked = { ...known, list: { ...known.list, cniVersion: list.cniVersion } };
  const failed = isIncomplete(file);
  const prevResult = failed ? undefined : resultIn(file, list.cniVersion);
  if (prevResult === undefined) {
    const why = failed ? "the last ADD did not succeed" : "none is cached";
    const msg = `network ${JSON.stringify(list.name)}: CHECK needs the result of ADD, and ${why}`;
    throw new CniError({ kind: "cache", msg, network: list.name });
  }
  const { without } = options;
  const left = without === undefined ? undefined : separablePlugins(asked.list, without);
  for (const plugin of asked.list.plugins) {
    if (left?.includes(plugin)) continue;
    const { ignore } = options;
    const request = requestFor(tools.invoker, { command: "CHECK", ...asked, plugin, prevResult });
    try {
      await callPlugin(tools.invoker, { ...request, ignore });
    } catch (error) {
      if (ignore?.(asCniError(error)) !== true) throw error;
    }
  }
}

/**
 * DEL: every plugin in reverse order, with the configuration, arguments and final result that ADD had when they are
 * cached, and with `list` and `rt` otherwise. The cache file goes when every plugin has succeeded.
 */
export async function delList(
  { invoker, cache }: Tools,
  list: NetworkList,
  rt: RuntimeConf,
  options: DelOptions = {},
): Promise<void> {
  assertAttachment(list, rt);
  const file = cache.read(keyOf(list, rt));
  const known = recall(file, { list, rt });
  const prevResult = resultForDel(file, known.list.cniVersion, options.knownResult);
  await delPlugins(invoker, known, { ...options, prevResult });
  cache.remove(keyOf(list, rt));
}

interface Deletion extends Pick<DelOptions, "keepGoing"> {
  prevResult: Result | undefined;
  /** Those of the list that are called; all of them unless told. */
  plugins?: readonly PluginConfig[];
}

/** Runs DEL of an attachment's plugins in reverse order. */
export async function delPlugins(
  invoker: Invoker,
  attachment: Attachment,
  { prevResult, keepGoing, plugins = attachment.list.plugins }: Deletion,
): Promise<void> {
  const errors: CniError[] = [];
  for (const plugin of plugins.toReversed()) {
    try {
      await callPlugin(
        invoker,
        requestFor(invoker, { command: "DEL", ...attachment, plugin, prevResult }),
      );
    } catch (error) {
      const failure = asCniError(error);
      // The plugin does not know the container: there is nothing left of it to delete.
      if (failure.kind === "plugin" && failure.code === errorCodes.unknownContainer) continue;
      if (!keepGoing) throw failure;
      errors.push(failure);
    }
  }
  const failure = joinErrors(errors);
  if (failure !== undefined) throw failure;
}
