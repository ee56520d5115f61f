import { cidrFamily } from "./address.ts";
import { CniError } from "./errors.ts";
import {
  isKnownVersion,
  isLegacyVersion,
  type Dns,
  type Interface,
  type IpConfig,
  type LegacyIpConfig,
  type Result,
  type Route,
} from "./result.ts";
import { isAtLeast } from "./versions.ts";

/**
 * The result in another version of the specification, as libcni converts it: what the target version cannot say is left
 * out. Throws a CniError of kind `unsupported` for a version that is not known, and for a result without any
 * address when the target is 0.2.0 or older.
 */
export function convertResult(result: Result, version: string): Result {
  if (result.cniVersion === version) return result;
  for (const each of [result.cniVersion, version]) {
    if (!isKnownVersion(each))
      throw unsupported(result, version, `version ${JSON.stringify(each)} is not known`);
  }
  const [from, to] = [eraOf(result.cniVersion), eraOf(version)];
  // The versions of one era differ in nothing but their number.
  if (from === to) return { ...result, cniVersion: version };
  const plain = from === "legacy" ? fromLegacy(result) : fromModern(result);
  if (to === "legacy") return toLegacy(plain, result, version);
  return { cniVersion: version, ...(to === "middle" ? toMiddle(plain) : toCurrent(plain)) };
}

type Era = "legacy" | "middle" | "current";
/** What all versions from 0.3.0 on have in common. */
type Plain = Pick<Result, "interfaces" | "ips" | "routes" | "dns">;

function eraOf(version: string): Era {
  if (isLegacyVersion(version)) return "legacy";
  return isAtLeast(version, "1.0.0") ? "current" : "middle";
}

function fromModern({ interfaces, ips, routes, dns }: Result): Plain {
  return {
    ...(interfaces && { interfaces }),
    ...(ips && { ips }),
    ...(routes && { routes }),
    ...dnsOf(dns),
  };
}

function fromLegacy({ ip4, ip6, dns }: Result): Plain {
  const configs = [ip4, ip6].filter((config) => config !== undefined);
  const routes = configs.flatMap((config) => config.routes ?? []);
  return {
    ips: configs.map(fromLegacyIp),
    ...(routes.length > 0 && { routes }),
    ...dnsOf(dns),
  };
}

function fromLegacyIp({ ip, gateway }: LegacyIpConfig): IpConfig {
  return { address: ip, ...(gateway && { gateway }) };
}

function toCurrent({ ips, ...rest }: Plain): Plain {
  return { ...rest, ...(ips && { ips: ips.map(toCurrentIp) }) };
}

function toCurrentIp(ip: IpConfig): IpConfig {
  const { version: _version, ...rest } = ip;
  return rest;
}

function toMiddle({ interfaces, ips, ...rest }: Plain): Plain {
  return {
    ...(interfaces && { interfaces: interfaces.map(toMiddleInterface) }),
    ...(ips && { ips: ips.map(toMiddleIp) }),
    ...rest,
  };
}

function toMiddleInterface({ name, mac, sandbox }: Interface): Interface {
  return { name, ...(mac !== undefined && { mac }), ...(sandbox !== undefined && { sandbox }) };
}

function toMiddleIp(ip: IpConfig): IpConfig {
  return { ...ip, version: String(cidrFamily(ip.address)) };
}

function toLegacy({ ips = [], routes = [], dns }: Plain, result: Result, version: string): Result {
  const ip4 = toLegacyIp(4, ips, routes);
  const ip6 = toLegacyIp(6, ips, routes);
  if (ip4 === undefined && ip6 === undefined)
    throw unsupported(result, version, "it has no IP address");
  return { cniVersion: version, ...(ip4 && { ip4 }), ...(ip6 && { ip6 }), ...dnsOf(dns) };
}

function toLegacyIp(
  family: 4 | 6,
  ips: readonly IpConfig[],
  routes: readonly Route[],
): LegacyIpConfig | undefined {
  const first = ips.find(({ address }) => cidrFamily(address) === family);
  if (first === undefined) return undefined;
  const own = routes.filter(({ dst }) => cidrFamily(dst) === family);
  return {
    ip: first.address,
    ...(first.gateway && { gateway: first.gateway }),
    ...(own.length > 0 && { routes: own.map(toLegacyRoute) }),
  };
}

function toLegacyRoute({ dst, gw }: Route): Route {
  return { dst, ...(gw && { gw }) };
}

function dnsOf(dns: Dns | undefined): { dns?: Dns } {
  const isEmpty = Object.values(dns ?? {}).every(
    (value) => value === "" || (Array.isArray(value) && value.length === 0),
  );
  return dns === undefined || isEmpty ? {} : { dns };
}

function unsupported(result: Result, version: string, why: string): CniError {
  const msg = `cannot convert a result of CNI version ${result.cniVersion} to ${version}: ${why}`;
  return new CniError({ kind: "unsupported", msg });
}
