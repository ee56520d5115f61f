import type { IpConfig, Result, Route } from "../cni/index.ts";
import { fingerprint } from "../lib/fingerprint.ts";
import { type IpAddress, parseIp, parseIpWithPrefix } from "../lib/ip.ts";

/** An address that the IPAM gave. */
export interface Given {
  address: IpAddress;
  prefix: number;
  gateway: IpAddress | undefined;
}

export function givenAddresses({ ips = [] }: Pick<Result, "ips">): Given[] {
  return ips.flatMap(({ address: text, gateway }: IpConfig) => {
    const read = parseIpWithPrefix(text);
    if (read?.prefix === undefined) return [];
    const { prefix, ...address } = read;
    return [{ address, prefix, gateway: gateway === undefined ? undefined : parseIp(gateway) }];
  });
}

/** The routes that the container gets: those of the IPAM, and a default one for each family that has none. */
export function routesFor(
  { routes = [] }: Pick<Result, "routes">,
  given: readonly Given[],
  isDefaultGateway: boolean,
): Route[] {
  if (!isDefaultGateway) return routes;
  const added = given.flatMap(({ address: { family }, gateway }) => {
    const dst = family === 4 ? "0.0.0.0/0" : "::/0";
    if (gateway === undefined || routes.some((route) => route.dst === dst)) return [];
    return [{ dst, gw: gateway.text }];
  });
  return [...routes, ...added];
}

/** A MAC that a container with this address always has: its neighbours need not learn another one after a restart. */
export function macOf({ text, family }: IpAddress): string {
  const bytes = family === 4 ? text.split(".").map(Number) : hashOf(text);
  return [0x0a, 0x58, ...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** Four bytes that are the same for the same text. */
export function hashOf(text: string): number[] {
  const hash = fingerprint(text);
  return [hash >>> 24, (hash >>> 16) & 255, (hash >>> 8) & 255, hash & 255];
}
