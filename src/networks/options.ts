import type { NetworkList } from "../cni/index.ts";
import { UserError } from "../lib/errors.ts";

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
}

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
  /** ISO 8601. */
  now: string;
}

export function refused(option: string, why: string, hint: string): UserError {
  return new UserError("BAD_ARGS", `${option}: ${why}`, { hint });
}
