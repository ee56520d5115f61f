import { assertCniArgs, assertPairs, invalidArg, type CniArgs } from "./args.ts";
import { assertCacheable, type AttachmentKey } from "./cache.ts";
import type { CapabilityArgs } from "./capability-args.ts";
import {
  completedConfig,
  parseCachedConfig,
  ifValid,
  type CacheEntry,
  type CacheFile,
} from "./cache-entry.ts";
import { assertNetwork, type NetworkList } from "./config.ts";
import { convertResult } from "./convert.ts";
import { CniError, errorCodes } from "./errors.ts";
import { describeType, formatJson, isObject } from "./json.ts";
import { assertContainerId, assertInterfaceName } from "./names.ts";
import { readResult, type Result } from "./result.ts";
import { isAtLeast } from "./versions.ts";

/** The parameters of one attachment (specification 1.1.0, section 3, "Attachment Parameters"). */
export interface RuntimeConf {
  containerId: string;
  /** Path of the network namespace; may be empty for DEL. */
  netns: string;
  ifName: string;
  /** CNI_ARGS. The reference plugins refuse what is not their own, unless `IgnoreUnknown` is `1` in front of it. */
  cniArgs?: CniArgs;
  /** What each capability is given; plugins get that of the capabilities that they declare. */
  capabilityArgs?: Readonly<CapabilityArgs>;
}

/** An attachment's configuration with its parameters. */
export interface Attachment {
  list: NetworkList;
  rt: RuntimeConf;
}

/** The key of an attachment to the network of this name. */
export function keyOf(
  { name }: { name: string },
  { containerId, ifName }: Omit<AttachmentKey, "network">,
): AttachmentKey {
  return { network: name, containerId, ifName };
}

/** Throws a CniError for what plugins could not be given, or the cache not hold, before anything is done. */
export function assertAttachment(list: NetworkList, rt: RuntimeConf): void {
  assertNetwork(list);
  assertContainerId(rt.containerId);
  assertInterfaceName(rt.ifName);
  assertNetns(rt.netns);
  assertPairs(rt.cniArgs ?? []);
  assertCapabilityArgs(rt.capabilityArgs);
  assertCacheable(keyOf(list, rt));
}

function assertNetns(netns: unknown): void {
  if (typeof netns !== "string")
    throw invalidArg(`netns has to be a string and is ${describeType(netns)}`);
  if (netns.includes("\0")) throw invalidArg("the path of the network namespace holds a NUL");
}

function assertCapabilityArgs(args: unknown): void {
  if (args === undefined) return;
  if (!isObject(args))
    throw invalidArg(`capabilityArgs has to be an object and is ${describeType(args)}`);
  formatJson(args, "capabilityArgs", errorCodes.invalidEnvironment);
}

/** What ADD had where the cache has it, else what is given. */
export function recall(file: CacheFile, { list, rt }: Attachment): Attachment {
  const cached = file.state === "entry" ? recallEntry(file.entry, rt.netns, list) : undefined;
  if (cached !== undefined) return cached;
  assertCniArgs(rt.cniArgs);
  return { list, rt };
}

/**
 * The configuration and arguments of a cache entry; undefined when its configuration cannot be used. libcni caches the list's
 * own text, without the plugins of the list's folder: those come from `given`, the list as it is now.
 */
export function recallEntry(
  entry: CacheEntry,
  netns: string,
  given?: NetworkList,
): Attachment | undefined {
  const list = (given && completedConfig(entry.config, given)) ?? parseCachedConfig(entry.config);
  if (list?.name !== entry.networkName) return undefined;
  const { containerId, ifName, cniArgs, capabilityArgs } = entry;
  return { list, rt: { containerId, netns, ifName, cniArgs, capabilityArgs } };
}

/** Whether the file is of an ADD that did not succeed: it is of use to DEL alone. */
export function isIncomplete(file: CacheFile): boolean {
  return file.state === "entry" && file.entry.incomplete === true;
}

/** Throws a CniError when the file is corrupt. */
export function assertReadable(file: CacheFile): void {
  if (file.state === "corrupt") throw new CniError({ kind: "cache", msg: file.reason });
}

/** The cached result in `version`; undefined when there is none, a CniError when it is unusable. */
export function resultIn(file: CacheFile, version: string): Result | undefined {
  assertReadable(file);
  if (file.state === "missing" || file.state === "corrupt") return undefined;
  const raw = file.state === "legacy" ? file.result : file.entry.result;
  return raw === undefined ? undefined : convertResult(readResult(raw, version), version);
}

/**
 * The result to pass on DEL: from 0.4.0 on, and only a usable one; `known` where there is none. A bad cache must not stand in the
 * way of DEL.
 */
export function resultForDel(
  file: CacheFile,
  version: string,
  known: Result | undefined,
): Result | undefined {
  if (!isAtLeast(version, "0.4.0")) return undefined;
  return (
    ifValid(() => resultIn(file, version)) ?? ifValid(() => known && convertResult(known, version))
  );
}
