import { parseIpWithPrefix } from "../lib/ip.ts";
import type { JsonObject } from "../lib/fields.ts";
import { type NetworkOptions, type NetworkSurroundings, refused } from "./options.ts";

/** What a network is given besides what its driver makes. */
type Extras = Pick<
  NetworkOptions,
  "isolate" | "bandwidth" | "dns" | "dnsSearch" | "vlan" | "internal"
>;

/** Plugins with an end on the host, where the plugin bandwidth can slow it down. */
const WITH_HOST_END: ReadonlySet<string> = new Set(["bridge", "ptp"]);

/**
 * The plugins with what `--isolate`, `--vlan`, `--dns`, `--dns-search` and `--bandwidth` ask for. Throws BAD_ARGS for what the driver
 * does not have.
 */
export function withExtras(
  plugins: readonly JsonObject[],
  options: Extras,
  { type, around }: { type: string; around: Pick<NetworkSurroundings, "isolates"> },
): JsonObject[] {
  const [first = {}, ...behind] = plugins;
  const dns = dnsOf(options);
  const own = { ...first, ...vlanOf(options, type), ...(dns && { dns }) };
  return [
    own,
    ...(options.isolate ? isolated(behind, { options, type, around }) : behind),
    ...bandwidthOf(options, type),
  ];
}

/**
 * The plugins with the nftables backends that those of version 1.6 and later have. `firewall` has none, and needs none: no chain
 * of iptables is there whose policy would drop.
 */
export function withNftables(plugins: readonly JsonObject[]): JsonObject[] {
  return plugins.flatMap((plugin): JsonObject[] => {
    if (plugin["type"] === "firewall") return [];
    if (plugin["type"] === "portmap") return [{ ...plugin, backend: "nftables" }];
    return [plugin["ipMasq"] === true ? { ...plugin, ipMasqBackend: "nftables" } : plugin];
  });
}

interface Isolating {
  options: Extras;
  type: string;
  around: Pick<NetworkSurroundings, "isolates">;
}

function isolated(
  plugins: readonly JsonObject[],
  { options, type, around }: Isolating,
): JsonObject[] {
  // Without a gateway nothing leads into it.
  if (type === "bridge" && options.internal) return [...plugins];
  if (type !== "bridge") {
    throw refused("--isolate", `${type} cannot`, "take the driver bridge");
  }
  if (!plugins.some((plugin) => plugin["type"] === "firewall")) {
    const hint = "take --internal, or --firewall iptables";
    throw refused("--isolate", "it is the plugin firewall's, which has no nftables", hint);
  }
  if (around.isolates === "no") {
    const hint = "install containernetworking-plugins 1.1 or later";
    throw refused("--isolate", "the plugin firewall that is installed has no ingressPolicy", hint);
  }
  const ingressPolicy = around.isolates === "from isolated" ? "same-bridge" : "isolated";
  return plugins.map((plugin) =>
    plugin["type"] === "firewall" ? { ...plugin, ingressPolicy } : plugin,
  );
}

function vlanOf({ vlan }: Extras, type: string): JsonObject {
  if (vlan === undefined) return {};
  if (!Number.isInteger(vlan) || vlan < 1 || vlan > 4094) {
    throw refused(`--vlan ${vlan}`, "it is no VLAN (IEEE 802.1Q)", "write 1 to 4094");
  }
  if (type === "bridge") return { vlan };
  if (type === "vlan") return { vlanId: vlan };
  const hint = `take the driver bridge or vlan, or give --parent an interface of that VLAN`;
  throw refused(`--vlan ${vlan}`, `${type} knows none`, hint);
}

function dnsOf({ dns = [], dnsSearch = [] }: Extras): JsonObject | undefined {
  const wrong = dns.find((text) => {
    const address = parseIpWithPrefix(text);
    return address === undefined || address.prefix !== undefined;
  });
  if (wrong !== undefined) {
    const hint = "write it without a length, such as 10.0.0.53; a domain is for --dns-search";
    throw refused(`--dns ${JSON.stringify(wrong)}`, "it is no address", hint);
  }
  const strange = dnsSearch.find((domain) => !/^[\w-]+(\.[\w-]+)*\.?$/.test(domain));
  if (strange !== undefined) {
    const option = `--dns-search ${JSON.stringify(strange)}`;
    throw refused(option, "it is no domain", "write it as example.com");
  }
  if (dns.length + dnsSearch.length === 0) return undefined;
  return {
    ...(dns.length > 0 && { nameservers: [...dns] }),
    ...(dnsSearch.length > 0 && { search: [...dnsSearch] }),
  };
}

function bandwidthOf({ bandwidth }: Extras, type: string): JsonObject[] {
  if (bandwidth === undefined) return [];
  if (!WITH_HOST_END.has(type)) {
    const hint = "take the driver bridge or ptp";
    throw refused("--bandwidth", `${type} has no end on the host that could be slowed down`, hint);
  }
  return [{ type: "bandwidth", capabilities: { bandwidth: true }, ...bandwidth }];
}
