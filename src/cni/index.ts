export type { CniArgs } from "./args.ts";
export { formatCniArgs, parseCniArgs } from "./args.ts";
export type { CallOptions, CheckOptions, DelOptions } from "./attachment-ops.ts";
export type { AttachmentKey, CachedAttachment } from "./cache.ts";
export type { AttachmentRef, CachedConfig, CacheOptions, Cni, CniOptions, GcArgs } from "./cni.ts";
export { createCni } from "./cni.ts";
export type { Bandwidth, CapabilityArgs, IpRange, PortMapping } from "./capability-args.ts";
export type { NetworkConf, NetworkList, PluginConfig } from "./config.ts";
export {
  capabilitiesOf,
  declaresCapability,
  listFromConf,
  parseNetworkConf,
  parseNetworkList,
  parsePlugin,
  separablePlugins,
} from "./config.ts";
export { ipFamily } from "./address.ts";
export type { ContainerAddresses } from "./container-addresses.ts";
export { containerAddresses } from "./container-addresses.ts";
export { convertResult } from "./convert.ts";
export type { CniCommand, CniErrorKind, CniErrorOptions, WireError } from "./errors.ts";
export { CniError, errorCodes } from "./errors.ts";
export type { PluginCall, PluginExec, PluginExit } from "./exec.ts";
export { realPluginExec } from "./exec.ts";
export type { PluginStep, RetryPolicy } from "./invoke.ts";
export type { LoadedNetwork, SkippedFile } from "./load.ts";
export type { JsonObject } from "./json.ts";
export {
  loadAllNetworkLists,
  loadDefaultNetworkList,
  loadNetworkList,
  loadNetworkListFile,
} from "./load.ts";
export { isValidContainerId, isValidInterfaceName, isValidNetworkName } from "./names.ts";
export type { PluginVersions } from "./network-ops.ts";
export type { RuntimeConf } from "./recall.ts";
export type { Dns, Interface, IpConfig, LegacyIpConfig, Result, Route } from "./result.ts";
export { readResult } from "./result.ts";
export type { ValidAttachment } from "./stdin.ts";
export { compareVersions, currentVersion, supportedVersions } from "./versions.ts";
