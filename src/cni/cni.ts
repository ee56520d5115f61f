import {
  addList,
  checkList,
  delList,
  toolsFor,
  type CallOptions,
  type CheckOptions,
  type DelOptions,
  type Tools,
} from "./attachment-ops.ts";
import { attachmentOf, fileCache, type CachedAttachment } from "./cache.ts";
import { listFromConf, type NetworkConf, type NetworkList } from "./config.ts";
import { realPluginExec, type PluginExec } from "./exec.ts";
import { createGate } from "./gate.ts";
import type { PluginStep, RetryPolicy } from "./invoke.ts";
import type { PluginVersions } from "./network-ops.ts";
import {
  assertReadable,
  isIncomplete,
  keyOf,
  recallEntry,
  resultIn,
  type RuntimeConf,
} from "./recall.ts";
import type { Result } from "./result.ts";
import type { ValidAttachment } from "./stdin.ts";

export interface CniOptions {
  /** Folders with plugin binaries, in the order in which they are searched: CNI_PATH. */
  pluginDirs: readonly string[];
  /** Where results are kept, in its folder `results`. Default `/var/lib/cni-runtime`: nobody else's. */
  cacheDir?: string;
  /** How plugins are run; default `realPluginExec()`. */
  exec?: PluginExec;
  /** Milliseconds that one call of a plugin may take; default 60,000. */
  timeoutMs?: number;
  /** The same by attachment, in place of `timeoutMs`: what it is given may take its time. */
  timeoutFor?: (rt: RuntimeConf) => number;
  /** For plugins that answer "try again later"; default 3 calls with a first pause of 250 ms. */
  retry?: RetryPolicy;
  /** Aborts the running plugin call and refuses every later one. */
  signal?: AbortSignal;
  /** The environment that plugins inherit; default `process.env`. */
  env?: NodeJS.ProcessEnv;
  /** Called after every plugin call, of each attempt when it is repeated. What it throws is ignored. */
  onPlugin?: (step: PluginStep) => void;
}

/** What names the attachment of a known network. */
export type AttachmentRef = Pick<RuntimeConf, "containerId" | "ifName">;

/** The configuration and the arguments that the last ADD of an attachment had. */
export interface CachedConfig {
  /** The JSON text as it was cached. */
  config: string;
  list: NetworkList;
  rt: RuntimeConf;
}

/** What is read of the cache. */
export interface CacheOptions {
  /** Also what an ADD left that did not succeed: what there is for DEL to undo. */
  incomplete?: boolean;
}

/** What GC is told. */
export interface GcArgs {
  validAttachments: readonly ValidAttachment[];
}

/**
 * A CNI runtime: libcni's `CNI` interface. All that goes wrong is thrown as a CniError. Operations for one container run one after
 * another, and GC runs alone, within one `Cni`; other processes are the caller's to lock out.
 */
export interface Cni {
  /** Attaches a container; returns the final result, in the list's version. It fails without DEL, which is the caller's to call. */
  addNetworkList(list: NetworkList, rt: RuntimeConf, options?: CallOptions): Promise<Result>;
  /** Throws when the attachment is not as ADD left it. */
  checkNetworkList(list: NetworkList, rt: RuntimeConf, options?: CheckOptions): Promise<void>;
  /** Detaches a container, with what ADD was given where that is cached. May be repeated. */
  delNetworkList(list: NetworkList, rt: RuntimeConf, options?: DelOptions): Promise<void>;
  /**
   * Runs ADD again of those chained plugins alone that declare `capability`, with its value of now, for an attachment that is
   * whole otherwise: after `delCapability`. Throws when the capability cannot be separated, see `separablePlugins`.
   */
  addCapability(
    list: NetworkList,
    rt: RuntimeConf,
    capability: string,
    options?: CallOptions,
  ): Promise<void>;
  /** Runs DEL of those chained plugins alone that declare `capability`; the attachment stays. May be repeated. */
  delCapability(
    list: NetworkList,
    rt: RuntimeConf,
    capability: string,
    options?: CallOptions,
  ): Promise<void>;
  /** Deletes what belongs to attachments that are not listed as valid; without `args`, to any. */
  gcNetworkList(list: NetworkList, args?: GcArgs): Promise<void>;
  /** Throws (code 50 or 51) when the network cannot serve ADD. */
  statusNetworkList(list: NetworkList): Promise<void>;
  /** Checks by VERSION that the plugins exist and speak the list's version; returns the capabilities that it declares. */
  validateNetworkList(list: NetworkList): Promise<string[]>;

  /** The operations on a single plugin's configuration. */
  addNetwork(conf: NetworkConf, rt: RuntimeConf, options?: CallOptions): Promise<Result>;
  checkNetwork(conf: NetworkConf, rt: RuntimeConf, options?: CheckOptions): Promise<void>;
  delNetwork(conf: NetworkConf, rt: RuntimeConf, options?: DelOptions): Promise<void>;
  gcNetwork(conf: NetworkConf, args?: GcArgs): Promise<void>;
  statusNetwork(conf: NetworkConf): Promise<void>;
  validateNetwork(conf: NetworkConf): Promise<string[]>;

  /** The versions that the plugin of this type speaks. */
  version(type: string): Promise<PluginVersions>;

  /** The cached result of a whole ADD in the network's version; undefined when there is none. Throws when the cache file is corrupt. */
  cachedResult(
    network: NetworkList | NetworkConf,
    ref: AttachmentRef,
    options?: CacheOptions,
  ): Result | undefined;
  /** The cached configuration and arguments of a whole ADD; undefined when there are none that can be used. Throws as `cachedResult`. */
  cachedConfig(network: Pick<NetworkList, "name">, ref: AttachmentRef): CachedConfig | undefined;
  /** Drops what is cached of an attachment, without DEL: a later one would have nothing to go by. */
  forget(network: Pick<NetworkList, "name">, ref: AttachmentRef): void;
  /** All cached attachments, or those of one container; those whose ADD did not succeed only with `incomplete`. */
  cachedAttachments(containerId?: string, options?: CacheOptions): CachedAttachment[];
}

/** What is asked of a network and not of a container is asked seldom. */
const networkOps = () => import("./network-ops.ts");

const noneValid: GcArgs = { validAttachments: [] };
const defaultCacheDir = "/var/lib/cni-runtime";

/** A CNI runtime over the plugins of `pluginDirs`. Touches nothing before its first operation. */
export function createCni(options: CniOptions): Cni {
  const tools = createTools(options);
  const gate = createGate();
  const inTurn = <T>(
    rt: RuntimeConf,
    call: CallOptions | undefined,
    operation: (own: Tools) => Promise<T>,
  ): Promise<T> => {
    const timeoutMs = call?.timeoutMs ?? options.timeoutFor?.(rt);
    const own = () => toolsFor(tools, { ...call, ...(timeoutMs !== undefined && { timeoutMs }) });
    return gate.forContainer(rt.containerId, () => operation(own()), call?.signal);
  };
  const cni: Cni = {
    addNetworkList: (list, rt, call) => inTurn(rt, call, (own) => addList(own, list, rt)),
    checkNetworkList: (list, rt, call) => inTurn(rt, call, (own) => checkList(own, list, rt, call)),
    delNetworkList: (list, rt, call) => inTurn(rt, call, (own) => delList(own, list, rt, call)),
    // Few containers need these.
    addCapability: (list, rt, capability, call) =>
      inTurn(rt, call, async (own) => {
        const ops = await import("./capability-ops.ts");
        await ops.addCapability(own, list, rt, capability);
      }),
    delCapability: (list, rt, capability, call) =>
      inTurn(rt, call, async (own) => {
        const ops = await import("./capability-ops.ts");
        await ops.delCapability(own, list, rt, capability);
      }),
    gcNetworkList: (list, args = noneValid) =>
      gate.exclusively(async () => (await networkOps()).gcList(tools, list, args)),
    statusNetworkList: async (list) => (await networkOps()).statusList(tools, list),
    validateNetworkList: async (list) => (await networkOps()).validateList(tools, list),

    addNetwork: async (conf, rt, call) => cni.addNetworkList(singleList(conf), rt, call),
    checkNetwork: async (conf, rt, call) => cni.checkNetworkList(singleList(conf), rt, call),
    delNetwork: async (conf, rt, call) => cni.delNetworkList(singleList(conf), rt, call),
    gcNetwork: async (conf, args) => cni.gcNetworkList(singleList(conf), args),
    statusNetwork: async (conf) => cni.statusNetworkList(singleList(conf)),
    validateNetwork: async (conf) => cni.validateNetworkList(singleList(conf)),

    version: async (type) => (await networkOps()).pluginVersions(tools.invoker, type),

    cachedResult(network, ref, { incomplete = false } = {}) {
      const { cniVersion } = isList(network) ? network : singleList(network);
      const file = tools.cache.read(keyOf(network, ref));
      return isIncomplete(file) && !incomplete ? undefined : resultIn(file, cniVersion);
    },
    cachedConfig(network, ref) {
      const file = tools.cache.read(keyOf(network, ref));
      assertReadable(file);
      if (file.state !== "entry" || isIncomplete(file)) return undefined;
      const known = recallEntry(file.entry, file.entry.netns);
      return known && { config: file.entry.config, ...known };
    },
    forget(network, ref) {
      tools.cache.remove(keyOf(network, ref));
    },
    cachedAttachments(containerId, { incomplete: incompleteToo = false } = {}) {
      return tools.cache
        .list()
        .map(attachmentOf)
        .filter((each) => containerId === undefined || each.containerId === containerId)
        .filter(({ incomplete }) => incompleteToo || !incomplete);
    },
  };
  return cni;
}

function createTools(options: CniOptions): Tools {
  const { pluginDirs, timeoutMs = 60_000, env = process.env, signal, onPlugin } = options;
  const { retry = { attempts: 3, pauseMs: 250 }, exec = realPluginExec() } = options;
  return {
    invoker: { exec, pluginDirs, timeoutMs, retry, env, signal, onPlugin },
    cache: fileCache(options.cacheDir ?? defaultCacheDir),
  };
}

/** A single configuration is a list of one, but for the cache, which has it as it is. */
function singleList(conf: NetworkConf): NetworkList {
  return { ...listFromConf(conf), raw: JSON.stringify(conf) };
}

function isList(network: NetworkList | NetworkConf): network is NetworkList {
  return typeof network["raw"] === "string" && Array.isArray(network["plugins"]);
}
