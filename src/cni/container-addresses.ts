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
 */
export function containerAddresses(result: Result): ContainerAddresses {
  const { ips, routes } = isLegacyVersion(result.cniVersion)
    ? legacyParts(result)
    : modernParts(result);
  const own = ownInterface(result, ips);
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

function modernParts({ ips = [], interfaces = [], routes = [] }: Result): {
  ips: IpConfig[];
  routes: Route[];
} {
  const own = ips.filter(({ interface: index }) => {
    const target = index === undefined ? undefined : interfaces[index];
    return target === undefined || Boolean(target.sandbox);
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

function ownInterface(
  { interfaces = [] }: Result,
  ips: readonly IpConfig[],
): Interface | undefined {
  for (const { interface: index } of ips) {
    const target = index === undefined ? undefined : interfaces[index];
    if (target?.sandbox) return target;
  }
  return interfaces.find(({ sandbox }) => Boolean(sandbox));
}
