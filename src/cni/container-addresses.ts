import {
  isLegacyVersion,
  type Dns,
  type Interface,
  type IpConfig,
  type Result,
  type Route,
} from "./result.ts";

/** What a result says of the container's own side. */
export interface ContainerAddresses {
  /** Addresses with their prefix length, in the result's order. */
  ips: string[];
  /** The gateways of those addresses, each once. */
  gateways: string[];
  mac?: string;
  /** The name of the container's interface, when the result has it (from 0.3.0 on). */
  ifName?: string;
  routes: Route[];
  dns?: Dns;
}

/**
 * Reads the container's addresses and MAC from a result of any version. Addresses of interfaces on the host's side
 * (no `sandbox`) are left out; an address that names no interface, or one that does not exist, is the container's.
 * Some plugins leave every `sandbox` empty: then the interface called `ifName`, ADD's, is the container's.
 */
export function containerAddresses(result: Result, ifName?: string): ContainerAddresses {
  const owned = ownedInterfaces(result, ifName);
  const { ips, routes } = isLegacyVersion(result.cniVersion)
    ? legacyParts(result)
    : modernParts(result, owned);
  const own = mainInterface(result, ips, owned);
  const gateways = ips.flatMap(({ gateway }) => (gateway ? [gateway] : []));
  return {
    ips: ips.map(({ address }) => address),
    gateways: [...new Set(gateways)],
    ...(own?.mac && { mac: own.mac }),
    ...(own && { ifName: own.name }),
    routes,
    ...(result.dns && { dns: result.dns }),
  };
}

function ownedInterfaces({ interfaces = [] }: Result, ifName?: string): Interface[] {
  const inside = interfaces.filter(({ sandbox }) => Boolean(sandbox));
  return inside.length > 0 ? inside : interfaces.filter(({ name }) => name === ifName);
}

function modernParts(
  { ips = [], interfaces = [], routes = [] }: Result,
  owned: readonly Interface[],
): { ips: IpConfig[]; routes: Route[] } {
  const own = ips.filter(({ interface: index }) => {
    const target = index === undefined ? undefined : interfaces[index];
    return target === undefined || owned.includes(target);
  });
  return { ips: own, routes };
}

function legacyParts({ ip4, ip6 }: Result): { ips: IpConfig[]; routes: Route[] } {
  const configs = [ip4, ip6].filter((config) => config !== undefined);
  return {
    ips: configs.map(({ ip, gateway }) => ({ address: ip, ...(gateway && { gateway }) })),
    routes: configs.flatMap((config) => config.routes ?? []),
  };
}

function mainInterface(
  { interfaces = [] }: Result,
  ips: readonly IpConfig[],
  owned: readonly Interface[],
): Interface | undefined {
  for (const { interface: index } of ips) {
    const target = index === undefined ? undefined : interfaces[index];
    if (target !== undefined && owned.includes(target)) return target;
  }
  return owned[0];
}
