import { cidrFamily, ipFamily } from "./address.ts";
import { CniError } from "./errors.ts";
import { describeType, isObject } from "./json.ts";
import { compareVersions, supportedVersions } from "./versions.ts";

/**
 * What ADD answers, in any version of the specification: up to 0.2.0 `ip4` and `ip6`, from 0.3.0 `interfaces`, `ips`
 * and `routes`. Keys that the specification does not know are kept.
 */
export interface Result {
  cniVersion: string;
  interfaces?: Interface[];
  ips?: IpConfig[];
  routes?: Route[];
  dns?: Dns;
  ip4?: LegacyIpConfig;
  ip6?: LegacyIpConfig;
  [key: string]: unknown;
}

export interface Interface {
  name: string;
  mac?: string;
  /** The path of the netns that the interface is in; empty for one of the host. */
  sandbox?: string;
  mtu?: number;
  socketPath?: string;
  pciID?: string;
  [key: string]: unknown;
}

export interface IpConfig {
  /** `a.b.c.d/len` or its IPv6 counterpart. */
  address: string;
  gateway?: string;
  /** Index into the result's `interfaces`. */
  interface?: number;
  /** `4` or `6`: in 0.3.0 to 0.4.0 only. */
  version?: string;
  [key: string]: unknown;
}

export interface Route {
  dst: string;
  gw?: string;
  [key: string]: unknown;
}

export interface Dns {
  nameservers?: string[];
  domain?: string;
  search?: string[];
  options?: string[];
  [key: string]: unknown;
}

/** An address in a result up to 0.2.0. */
export interface LegacyIpConfig {
  ip: string;
  gateway?: string;
  routes?: Route[];
  [key: string]: unknown;
}

/**
 * Checks a parsed result and gives it its type. Without a `cniVersion` it has that of the configuration, `fallbackVersion`.
 * Keys that are null count as absent. Throws a CniError of kind `bad-output` for what is not a result.
 */
export function readResult(value: unknown, fallbackVersion: string): Result {
  if (!isObject(value))
    throw bad(`the result has to be a JSON object and is ${describeType(value)}`);
  const object = withoutNulls(value);
  const version = object["cniVersion"] ?? "";
  if (typeof version !== "string")
    throw bad(`its cniVersion has to be a string and is ${describeType(version)}`);
  const cniVersion = version === "" ? fallbackVersion : version;
  if (!isKnownVersion(cniVersion)) {
    throw bad(
      `the result is of CNI version ${JSON.stringify(cniVersion)}, which is not known here`,
    );
  }
  if (isLegacyVersion(cniVersion)) return { ...object, cniVersion, ...readLegacyFields(object) };
  return { ...object, cniVersion, ...readFields(object) };
}

/** Whether results of `version` have `ip4` and `ip6` in place of `ips`. */
export function isLegacyVersion(version: string): boolean {
  return compareVersions(version, "0.3.0") < 0;
}

/** Whether `version` is a version that this library can read and convert results of. */
export function isKnownVersion(version: string): boolean {
  return supportedVersions.some((known) => known === version);
}

type Reader<T> = (value: unknown, where: string) => T;

function readFields(object: Record<string, unknown>): Partial<Result> {
  return {
    ...optional("interfaces", object["interfaces"], listOf(readInterface)),
    ...optional("ips", object["ips"], listOf(readIp)),
    ...optional("routes", object["routes"], listOf(readRoute)),
    ...optional("dns", object["dns"], readDns),
  };
}

function readLegacyFields(object: Record<string, unknown>): Partial<Result> {
  return {
    ...optional("ip4", object["ip4"], readLegacyIp),
    ...optional("ip6", object["ip6"], readLegacyIp),
    ...optional("dns", object["dns"], readDns),
  };
}

function readInterface(value: unknown, where: string): Interface {
  const object = readObject(value, where);
  return {
    ...object,
    name: readString(object["name"], `${where}.name`),
    ...optional("mac", object["mac"], readString, where),
    ...optional("sandbox", object["sandbox"], readString, where),
  };
}

function readIp(value: unknown, where: string): IpConfig {
  const object = readObject(value, where);
  return {
    ...object,
    address: readCidr(object["address"], `${where}.address`),
    ...optional("gateway", object["gateway"], readIpAddress, where),
    ...optional("interface", object["interface"], readIndex, where),
    ...optional("version", object["version"], readString, where),
  };
}

function readLegacyIp(value: unknown, where: string): LegacyIpConfig {
  const object = readObject(value, where);
  return {
    ...object,
    ip: readCidr(object["ip"], `${where}.ip`),
    ...optional("gateway", object["gateway"], readIpAddress, where),
    ...optional("routes", object["routes"], listOf(readRoute), where),
  };
}

function readRoute(value: unknown, where: string): Route {
  const object = readObject(value, where);
  return {
    ...object,
    dst: readCidr(object["dst"], `${where}.dst`),
    ...optional("gw", object["gw"], readIpAddress, where),
  };
}

function readDns(value: unknown, where: string): Dns {
  const object = readObject(value, where);
  return {
    ...object,
    ...optional("nameservers", object["nameservers"], listOf(readString), where),
    ...optional("domain", object["domain"], readString, where),
    ...optional("search", object["search"], listOf(readString), where),
    ...optional("options", object["options"], listOf(readString), where),
  };
}

function optional<K extends string, T>(
  key: K,
  value: unknown,
  read: Reader<T>,
  parent?: string,
): Partial<Record<K, T>> {
  if (value === undefined) return {};
  const field: Partial<Record<K, T>> = {};
  field[key] = read(value, parent === undefined ? key : `${parent}.${key}`);
  return field;
}

function listOf<T>(read: Reader<T>): Reader<T[]> {
  return (value, where) => {
    if (!Array.isArray(value)) throw bad(`${where} has to be a list and is ${describeType(value)}`);
    return value.map((item: unknown, index) => read(item, `${where}[${index}]`));
  };
}

function readObject(value: unknown, where: string): Record<string, unknown> {
  if (isObject(value)) return withoutNulls(value);
  throw bad(`${where} has to be an object and is ${describeType(value)}`);
}

function readString(value: unknown, where: string): string {
  if (typeof value === "string") return value;
  throw bad(`${where} has to be a string and is ${describeType(value)}`);
}

function readIndex(value: unknown, where: string): number {
  if (typeof value === "number" && Number.isInteger(value)) return value;
  throw bad(`${where} has to be a whole number and is ${JSON.stringify(value)}`);
}

function readCidr(value: unknown, where: string): string {
  const text = readString(value ?? "", where);
  if (cidrFamily(text) !== undefined) return text;
  throw bad(`${where} is ${JSON.stringify(text)}, which is no address with a prefix length`);
}

function readIpAddress(value: unknown, where: string): string {
  const text = readString(value, where);
  if (text === "" || ipFamily(text) !== undefined) return text;
  throw bad(`${where} is ${JSON.stringify(text)}, which is no IP address`);
}

function withoutNulls(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
}

function bad(msg: string): CniError {
  return new CniError({ kind: "bad-output", msg });
}
