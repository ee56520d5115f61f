import type { Config } from "../config/config.ts";

/**
 * What a published port adds, ms. portmap calls iptables for each, which takes the longer the more there are, and conntrack too for
 * UDP: with 400 of UDP it was seen to need 19 s.
 */
const PER_PORT_MS = 500;

/** How long one call of a plugin may take, ms, for attachments with these capability arguments: `plugin_timeout` and the ports'. */
export function callLimitMs(
  { pluginTimeoutMs }: Pick<Config, "pluginTimeoutMs">,
  capabilityArgs: readonly Readonly<Record<string, unknown>>[],
): number {
  const counts = capabilityArgs.map(({ portMappings }) =>
    Array.isArray(portMappings) ? portMappings.length : 0,
  );
  return pluginTimeoutMs + PER_PORT_MS * Math.max(0, ...counts);
}
