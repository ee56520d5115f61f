import type { NetworkList } from "../cni/index.ts";
import { UserError } from "../lib/errors.ts";
import type { NamesBy } from "../lib/network-mark.ts";
import type { JsonObject } from "../lib/fields.ts";

/** What is asked of a new network, as it was typed. */
export interface NetworkOptions {
  name: string;
  driver?: string | undefined;
  /** `TYPE[,KEY=VALUE…]` each. */
  plugins: readonly string[];
  /** `address/length` each. */
  subnets: readonly string[];
  gateways: readonly string[];
  /** `address/length` or `first-last` each. */
  ipRanges: readonly string[];
  ipv6: boolean;
  internal: boolean;
  mtu?: number | undefined;
  parent?: string | undefined;
  /** `KEY=VALUE` each. */
  labels: readonly string[];
  /** Containers of other networks do not reach it. */
  isolate?: boolean;
  /** Addresses come from a DHCP server on the parent's network. */
  dhcp?: boolean;
  /** The host reaches containers of macvlan. */
  hostAccess?: boolean;
  /** The keys of the plugin bandwidth: rates in bits a second, bursts in bits. */
  bandwidth?: JsonObject | undefined;
  /** Name servers' addresses, and domains to search. */
  dns?: readonly string[];
  dnsSearch?: readonly string[];
  vlan?: number | undefined;
  /** How its containers find each other by name. */
  names?: NamesBy | undefined;
}

export type Firewall = "iptables" | "nftables";

/** What is known of the host when a network is planned. */
export interface NetworkSurroundings {
  /** The networks that there are. */
  networks: readonly NetworkList[];
  /** Where the host's routes lead: `address/length`, or an address. */
  routes: readonly string[];
  /** The names of the host's interfaces. */
  links: readonly string[];
  /** Those of them that are bridges. */
  bridges: readonly string[];
  /** The interface of the default route. */
  uplink?: { ifname: string; mtu: number } | undefined;
  /** What plugins are to make rules with; without it iptables. */
  firewall?: Firewall;
  /** From whom the plugin firewall that is installed can isolate a network; without it from all. */
  isolates?: "from all" | "from isolated" | "no";
  /** ISO 8601. */
  now: string;
}

export function refused(option: string, why: string, hint: string): UserError {
  return new UserError("BAD_ARGS", `${option}: ${why}`, { hint });
}
