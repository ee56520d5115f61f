import { isHostName } from "../names/host-name.ts";
import { type RequestSource, badRequest, listItems, shown } from "../lib/bad-request.ts";
import { type IpWithPrefix, isUnicast, parseIpWithPrefix } from "../lib/ip.ts";

/** Rates in bits a second and bursts in bits, as the CNI convention for the `bandwidth` capability has them. */
export interface Bandwidth {
  ingressRate?: number;
  ingressBurst?: number;
  egressRate?: number;
  egressBurst?: number;
}

export const BANDWIDTH_KEYS = ["ingressRate", "ingressBurst", "egressRate", "egressBurst"] as const;

const MAX_IPS = 16;
const MAX_ALIASES = 64;
const MAX_ARGS = 64;
const MAX_BITS = 1e13;
/** A burst that holds 100 full Ethernet frames: less than a few starves the shaper. */
const MIN_BURST = 1_200_000;
const OWN_ARGS = new Set(["IgnoreUnknown", "IP", "MAC"]);

const IP_EXAMPLE = "10.1.0.7 or 10.1.0.7/24,fd00::7/64";
const MAC_EXAMPLE = "02:42:0a:01:00:07";
const BANDWIDTH_EXAMPLE = "ingress=10M,egress=5M (bits a second; k, M and G are powers of 1000)";
const ALIAS_EXAMPLE = "db,db.internal";
const ARGS_EXAMPLE = "POOL=blue,TIER=2";

/** `cni.ip`: addresses with or without a prefix length. */
export function parseIps(source: RequestSource): IpWithPrefix[] {
  const ips = listItems(source, MAX_IPS, IP_EXAMPLE).map((item) => {
    const ip = parseIpWithPrefix(item);
    if (ip === undefined) {
      throw badRequest(source, `${shown(item)} is not an IP address`, IP_EXAMPLE);
    }
    if (!isUnicast(ip)) {
      throw badRequest(source, `${shown(item)} cannot be the address of a container`, IP_EXAMPLE);
    }
    return ip;
  });
  if (new Set(ips.map(({ text }) => text)).size < ips.length) {
    throw badRequest(source, "an address is given twice", IP_EXAMPLE);
  }
  return ips;
}

/** `cni.mac`: a unicast MAC address, given in lower case. */
export function parseMac(source: RequestSource): string {
  const mac = source.value.trim().toLowerCase();
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac)) {
    throw badRequest(source, "not a MAC address", MAC_EXAMPLE);
  }
  if (Number.parseInt(mac.slice(0, 2), 16) % 2 === 1 || mac === "00:00:00:00:00:00") {
    throw badRequest(source, "not the address of a single interface", MAC_EXAMPLE);
  }
  return mac;
}

/** `cni.bandwidth`: `ingress=10M,egress=5M`, with `ingressBurst` and `egressBurst` if need be. */
export function parseBandwidth(source: RequestSource): Bandwidth {
  const bandwidth: Bandwidth = {};
  for (const item of listItems(source, BANDWIDTH_KEYS.length, BANDWIDTH_EXAMPLE)) {
    const [name, amount = ""] = splitOnce(item, "=");
    const key = BANDWIDTH_KEYS.find((known) => known === name || known === `${name}Rate`);
    if (key === undefined) {
      throw badRequest(source, `${shown(name)} is not ingress or egress`, BANDWIDTH_EXAMPLE);
    }
    if (bandwidth[key] !== undefined) {
      throw badRequest(source, `${name} is given twice`, BANDWIDTH_EXAMPLE);
    }
    const bits = parseBits(amount);
    if (bits === undefined) {
      throw badRequest(source, `${shown(amount)} is not a rate`, BANDWIDTH_EXAMPLE);
    }
    bandwidth[key] = bits;
  }
  return completeBandwidth(source, bandwidth);
}

/** Adds the bursts that the bandwidth plugin insists on: a tenth of a second at the rate, 100 frames at the least. */
export function completeBandwidth(source: RequestSource, bandwidth: Bandwidth): Bandwidth {
  const complete = { ...bandwidth };
  for (const way of ["ingress", "egress"] as const) {
    const rate = bandwidth[`${way}Rate`];
    if (rate === undefined) {
      if (bandwidth[`${way}Burst`] === undefined) continue;
      throw badRequest(source, `${way}Burst is given without a rate`, BANDWIDTH_EXAMPLE);
    }
    complete[`${way}Burst`] ??= Math.max(Math.round(rate / 10), MIN_BURST);
  }
  return complete;
}

/** `cni.aliases`: further host names of the container. */
export function parseAliases(source: RequestSource): string[] {
  const names = listItems(source, MAX_ALIASES, ALIAS_EXAMPLE);
  const wrong = names.find((name) => !isHostName(name));
  if (wrong !== undefined) {
    throw badRequest(source, `${shown(wrong)} cannot be a host name`, ALIAS_EXAMPLE);
  }
  return [...new Set(names)];
}

/** `cni.args`: `K=V,…` for CNI_ARGS, whose syntax leaves no room for `;` and `=` in a value. */
export function parseCniArgs(source: RequestSource): [string, string][] {
  const args = new Map<string, string>();
  for (const item of listItems(source, MAX_ARGS, ARGS_EXAMPLE)) {
    const [key, value] = splitOnce(item, "=");
    if (value === undefined) {
      throw badRequest(source, `${shown(item)} has no =`, ARGS_EXAMPLE);
    }
    if (args.has(key)) {
      throw badRequest(source, `${shown(key)} is given twice`, ARGS_EXAMPLE);
    }
    args.set(key, checkCniArg({ source, key, value }));
  }
  return [...args];
}

/** Checks one pair for CNI_ARGS and returns its value. */
function checkCniArg(options: { source: RequestSource; key: string; value: string }): string {
  const { source, key, value } = options;
  if (!/^[a-zA-Z_][a-zA-Z0-9_.]{0,63}$/.test(key)) {
    throw badRequest(source, `${shown(key)} cannot be a key of CNI_ARGS`, ARGS_EXAMPLE);
  }
  if (OWN_ARGS.has(key) || key.startsWith("DOCKER_")) {
    const instead = key === "IP" || key === "MAC" ? `: use cni.${key.toLowerCase()}` : "";
    throw badRequest(source, `${key} is reserved${instead}`, ARGS_EXAMPLE);
  }
  if (!isCniArgValue(value)) {
    throw badRequest(source, `the value of ${key} cannot stand in CNI_ARGS`, ARGS_EXAMPLE);
  }
  return value;
}

/** Whether `value` can be one of CNI_ARGS: printable ASCII without `;` and `=`, 1 to 512 characters. */
export function isCniArgValue(value: string): boolean {
  return /^[\x20-\x7e]{1,512}$/.test(value) && !/[;=]/.test(value);
}

/** `10M`, `1.5Gbit`, `640k`, `1000000` in bits; undefined for what is no amount, or less than 1 or absurdly much. */
function parseBits(text: string): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)([kmgt]?)(?:bit)?$/i.exec(text);
  if (match === null) return undefined;
  const scale = 1000 ** " kmgt".indexOf((match[2] || " ").toLowerCase());
  const bits = Math.round(Number(match[1]) * scale);
  return bits >= 1 && bits <= MAX_BITS ? bits : undefined;
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** `cni.keep`; undefined where it was not given. */
export function parseKeep(source: RequestSource | undefined): boolean | undefined {
  if (source === undefined) return undefined;
  const word = source.value.trim().toLowerCase();
  if (["true", "yes", "on", "1"].includes(word)) return true;
  if (["false", "no", "off", "0"].includes(word)) return false;
  throw badRequest(source, "neither true nor false", "true");
}

/** `cni.name`; undefined where it was not given. */
export function parseName(source: RequestSource | undefined): string | undefined {
  if (source === undefined || isHostName(source.value)) return source?.value;
  throw badRequest(source, "cannot be a host name", "web");
}
