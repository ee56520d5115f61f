import { joinCniArgs, type CniArgs } from "./args.ts";
import type { CniCommand } from "./errors.ts";

/** What the environment of a plugin says of the attachment; empty for GC and STATUS. */
export interface EnvParameters {
  containerId?: string;
  netns?: string;
  ifName?: string;
  cniArgs?: CniArgs;
}

/**
 * A plugin's environment: `base` with the CNI_ variables of the protocol put over it (specification 1.1.0, section 2).
 * All six are always set, so that none of `base` gets through.
 */
export function pluginEnv(
  base: NodeJS.ProcessEnv,
  call: { command: CniCommand; pluginDirs: readonly string[] } & EnvParameters,
): NodeJS.ProcessEnv {
  return {
    ...base,
    CNI_COMMAND: call.command,
    CNI_CONTAINERID: call.containerId ?? "",
    CNI_NETNS: call.netns ?? "",
    CNI_IFNAME: call.ifName ?? "",
    // Unchecked: what ADD was given goes to DEL whatever it is.
    CNI_ARGS: joinCniArgs(call.cniArgs ?? []),
    CNI_PATH: call.pluginDirs.join(":"),
  };
}

/** The environment of a VERSION call: old plugins insist on NETNS, IFNAME and PATH, whatever they are. */
export function versionEnv(base: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const dummies = {
    command: "VERSION",
    pluginDirs: ["dummy"],
    netns: "dummy",
    ifName: "dummy",
  } as const;
  return pluginEnv(base, dummies);
}
