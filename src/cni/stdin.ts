import type { NetworkList, PluginConfig } from "./config.ts";
import type { JsonObject } from "./json.ts";
import type { Result } from "./result.ts";

/** An attachment that GC must leave alone. */
export interface ValidAttachment {
  containerId: string;
  ifName: string;
}

/** What goes into a plugin's configuration beside its own keys. */
export interface StdinExtras {
  prevResult?: Result | undefined;
  /** Of these, the plugin is given the ones whose capability it declares true, as `runtimeConfig`. */
  capabilityArgs?: Readonly<JsonObject> | undefined;
  /** For GC. */
  validAttachments?: readonly ValidAttachment[];
}

/**
 * The JSON text that a plugin reads from stdin (specification 1.1.0, section 3, "Deriving request configuration"):
 * its own object with every key it has, the list's name and version, and `extras`. `capabilities` stays in, as in libcni.
 */
export function pluginStdin(
  list: Pick<NetworkList, "name" | "cniVersion">,
  plugin: PluginConfig,
  extras: StdinExtras = {},
): string {
  // A prevResult written into the file is no previous result.
  const { prevResult: _prevResult, ...own } = plugin;
  const { prevResult, capabilityArgs = {}, validAttachments } = extras;
  return JSON.stringify({
    ...own,
    name: list.name,
    cniVersion: list.cniVersion,
    ...runtimeConfig(plugin, capabilityArgs),
    ...(prevResult && { prevResult }),
    ...(validAttachments && attachmentKeys(validAttachments)),
  });
}

/** The stdin of a VERSION call. */
export function versionStdin(cniVersion: string): string {
  return JSON.stringify({ cniVersion });
}

function runtimeConfig({ capabilities }: PluginConfig, args: Readonly<JsonObject>): JsonObject {
  const declared = Object.entries(capabilities ?? {}).flatMap(([name, enabled]) =>
    enabled ? [name] : [],
  );
  const given = declared.filter((name) => Object.hasOwn(args, name) && args[name] !== undefined);
  if (given.length === 0) return {};
  return { runtimeConfig: Object.fromEntries(given.map((name) => [name, args[name]])) };
}

/** Under both names: the specification's, and the one that libcni sends too for plugins built on its first release. */
function attachmentKeys(attachments: readonly ValidAttachment[]): JsonObject {
  const list = attachments.map(({ containerId, ifName }) => ({
    containerID: containerId,
    ifname: ifName,
  }));
  return { "cni.dev/valid-attachments": list, "cni.dev/attachments": list };
}
