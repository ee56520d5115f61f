import type { NetworkList, PluginConfig } from "../cni/index.ts";
import { isJsonObject } from "../lib/fields.ts";
import { type IpRange, rangeOf, sizeOf } from "../lib/ip-range.ts";

/** A range of addresses that host-local gives out on a network. */
export interface Pool {
  network: string;
  /** As the file has it, `10.1.0.0/16`. */
  subnet: string;
  /** The addresses that are given out: of the subnet without network, broadcast and gateway address, or what the file says. */
  range: IpRange;
  /** How many addresses there are to give. */
  size: bigint;
  /** The folder with a file for each address that is given out. */
  leaseDir: string;
}

/** Where host-local keeps its leases unless told otherwise. */
const DEFAULT_DATA_DIR = "/var/lib/cni/networks";

/** The pools of a network's plugins that use host-local (its documentation: `ranges`, or `subnet`, `rangeStart`, `rangeEnd`). */
export function poolsOf({ name, plugins }: Pick<NetworkList, "name" | "plugins">): Pool[] {
  return plugins.flatMap(({ ipam }) => {
    if (!isJsonObject(ipam) || ipam["type"] !== "host-local") return [];
    const dataDir = typeof ipam["dataDir"] === "string" ? ipam["dataDir"] : DEFAULT_DATA_DIR;
    return rangeObjects(ipam).flatMap((object) => {
      const pool = readPool(object);
      return pool === undefined ? [] : [{ network: name, ...pool, leaseDir: `${dataDir}/${name}` }];
    });
  });
}

/** The subnets that a network's file names, for whichever IPAM: `ipam.subnet`, `ipam.ranges`, `ipam.addresses`. */
export function subnetsOf({ plugins }: { plugins: readonly PluginConfig[] }): string[] {
  const named = plugins.flatMap(({ ipam }) => {
    if (!isJsonObject(ipam)) return [];
    const addresses = Array.isArray(ipam["addresses"])
      ? ipam["addresses"].filter(isJsonObject)
      : [];
    return [
      ...rangeObjects(ipam).map(({ subnet }) => subnet),
      ...addresses.map(({ address }) => address),
    ];
  });
  return [...new Set(named.filter((subnet) => typeof subnet === "string"))].filter(
    (subnet) => rangeOf(subnet) !== undefined,
  );
}

function rangeObjects(ipam: Record<string, unknown>): Record<string, unknown>[] {
  const { ranges } = ipam;
  const listed = Array.isArray(ranges) ? ranges.flat().filter(isJsonObject) : [];
  return ipam["subnet"] === undefined ? listed : [ipam, ...listed];
}

function readPool(object: Record<string, unknown>): Omit<Pool, "network" | "leaseDir"> | undefined {
  const { subnet } = object;
  const whole = typeof subnet === "string" ? rangeOf(subnet) : undefined;
  if (typeof subnet !== "string" || whole === undefined) return undefined;
  const single = (key: string): bigint | undefined => {
    const value = object[key];
    return typeof value === "string" ? rangeOf(value.replace(/\/.*$/, ""))?.first : undefined;
  };
  // IPv6 has no broadcast address.
  const lastUsable = whole.family === 4 ? whole.last - 1n : whole.last;
  const range = {
    family: whole.family,
    first: single("rangeStart") ?? whole.first + 1n,
    last: single("rangeEnd") ?? lastUsable,
  };
  const gateway = single("gateway") ?? whole.first + 1n;
  const ofGateway = gateway >= range.first && gateway <= range.last ? 1n : 0n;
  return { subnet, range, size: sizeOf(range) - ofGateway };
}
