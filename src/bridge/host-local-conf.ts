import { join } from "node:path";
import { readResult, type Route } from "../cni/index.ts";
import type { CmdArgs } from "../cni/plugin/index.ts";
import { isJsonObject } from "../lib/fields.ts";
import { rangeOf } from "../lib/ip-range.ts";
import {
  bitsOf,
  fromNumber,
  type IpAddress,
  parseIp,
  parseIpWithPrefix,
  toNumber,
} from "../lib/ip.ts";

/** A range of one subnet: the addresses from `first` to `end`. */
export interface LocalRange {
  subnet: string;
  family: 4 | 6;
  prefix: number;
  first: bigint;
  end: bigint;
  gateway: IpAddress;
}

/** What an `ipam` object of host-local means. */
export interface LocalRanges {
  /** The folder with a file for each address that is given out. */
  folder: string;
  /** One address is given of each of these. */
  sets: LocalRange[][];
  routes: Route[];
  /** The addresses that were asked for. */
  requested: string[];
}

const KNOWN_KEYS = new Set([
  "type",
  "subnet",
  "rangeStart",
  "rangeEnd",
  "gateway",
  "ranges",
  "routes",
  "dataDir",
]);

/** Reads it; undefined for what host-local itself has to read: other keys, ranges of the runtime, what is wrong. */
export function readLocalRanges({
  config,
  args,
}: Pick<CmdArgs, "config" | "args">): LocalRanges | undefined {
  const { ipam, runtimeConfig = {} } = config;
  const own = ipam?.type === "host-local" && Object.keys(ipam).every((key) => KNOWN_KEYS.has(key));
  if (!own || ipam === undefined || "ipRanges" in runtimeConfig || "args" in config)
    return undefined;
  const { ranges = [], dataDir = "/var/lib/cni/networks", routes = [] } = ipam;
  if (!Array.isArray(ranges) || typeof dataDir !== "string" || !Array.isArray(routes))
    return undefined;
  const listed = ipam["subnet"] === undefined ? ranges : [[ipam], ...ranges];
  const sets = listed.map((set: unknown) => (Array.isArray(set) ? set.map(readRange) : []));
  const whole = sets.map((set) => set.filter((range) => range !== undefined));
  const isWhole = whole.every((set, index) => set.length > 0 && set.length === sets[index]?.length);
  const requested = readRequested(args, runtimeConfig["ips"]);
  if (!isWhole || whole.length === 0 || requested === undefined) return undefined;
  const read = readResult({ cniVersion: "1.1.0", routes }, "1.1.0");
  return { folder: join(dataDir, config.name), sets: whole, routes: read.routes ?? [], requested };
}

function readRange(value: unknown): LocalRange | undefined {
  const fields = isJsonObject(value) ? value : {};
  const { subnet } = fields;
  const read = typeof subnet === "string" ? parseIpWithPrefix(subnet) : undefined;
  const whole = typeof subnet === "string" ? rangeOf(subnet) : undefined;
  if (typeof subnet !== "string" || read?.prefix === undefined || whole === undefined)
    return undefined;
  // Subnets of two addresses and fewer are host-local's to judge.
  if (read.prefix > bitsOf(read.family) - 2) return undefined;
  const { family } = read;
  const bound = (key: string, fallback: bigint): bigint | undefined => {
    const text = fields[key];
    if (text === undefined) return fallback;
    const address = typeof text === "string" ? parseIp(text) : undefined;
    if (address?.family !== family) return undefined;
    const number = toNumber(address);
    return number >= whole.first && number <= whole.last ? number : undefined;
  };
  const first = bound("rangeStart", whole.first + 1n);
  const end = bound("rangeEnd", family === 4 ? whole.last - 1n : whole.last);
  const gateway = bound("gateway", whole.first + 1n);
  if (first === undefined || end === undefined || gateway === undefined || first > end)
    return undefined;
  return { subnet, family, prefix: read.prefix, first, end, gateway: fromNumber(family, gateway) };
}

/** `IP` in CNI_ARGS, and the capability `ips`; undefined for what cannot be read here. */
function readRequested(args: string, ips: unknown = []): string[] | undefined {
  const value =
    args
      .split(";")
      .find((pair) => pair.startsWith("IP="))
      ?.slice(3) ?? "";
  const all: unknown[] = [...value.split(",").filter(Boolean), ...(Array.isArray(ips) ? ips : [0])];
  const read = all.map((each) =>
    typeof each === "string" ? parseIpWithPrefix(each)?.text : undefined,
  );
  return read.every((each) => each !== undefined)
    ? read.filter((each) => each !== undefined)
    : undefined;
}
