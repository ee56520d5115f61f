import { ipFamily } from "../cni/index.ts";

/** An IP address in its one canonical spelling. */
export interface IpAddress {
  family: 4 | 6;
  /** RFC 5952 text for IPv6, dotted decimal for IPv4; an IPv4-mapped IPv6 address is the IPv4 address. */
  text: string;
}

/** An address that may carry the length of its subnet's prefix: `10.1.0.7`, `10.1.0.7/24`, `fd00::7/64`. */
export interface IpWithPrefix extends IpAddress {
  prefix: number | undefined;
}

/** Reads an address; undefined for what is not one, and for one with a zone (`fe80::1%eth0`). */
export function parseIp(text: string): IpAddress | undefined {
  switch (ipFamily(text)) {
    case 4:
      return { family: 4, text };
    case 6:
      return canonicalIpv6(text);
    default:
      return undefined;
  }
}

/** Reads `address` or `address/length`; undefined for anything else. */
export function parseIpWithPrefix(text: string): IpWithPrefix | undefined {
  const [addressText = "", prefixText, ...rest] = text.split("/");
  const address = parseIp(addressText);
  if (address === undefined || rest.length > 0) return undefined;
  if (prefixText === undefined) return { ...address, prefix: undefined };
  if (!/^\d{1,3}$/.test(prefixText)) return undefined;
  const prefix = Number(prefixText);
  return prefix <= bitsOf(address.family) ? { ...address, prefix } : undefined;
}

/** Whether `address` lies in `subnet` (`10.1.0.0/24`); false for a subnet that cannot be read. */
export function subnetHolds(subnet: string, address: IpAddress): boolean {
  const network = parseIpWithPrefix(subnet);
  if (network?.prefix === undefined || network.family !== address.family) return false;
  const drop = BigInt(bitsOf(address.family) - network.prefix);
  return toNumber(network) >> drop === toNumber(address) >> drop;
}

/** Whether the address can be a single container's: not unspecified, loopback, multicast or broadcast. */
export function isUnicast(address: IpAddress): boolean {
  const number = toNumber(address);
  if (number === 0n) return false;
  if (address.family === 6) return number !== 1n && number >> 120n !== 0xffn;
  const first = number >> 24n;
  return first !== 127n && first < 224n && first !== 0n;
}

/** `0.0.0.0` and `::`. */
export function isUnspecified(address: IpAddress): boolean {
  return toNumber(address) === 0n;
}

/** How many bits an address of the family has. */
export function bitsOf(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}

function canonicalIpv6(text: string): IpAddress {
  const compressed = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const groups = groupsOf(compressed);
  const [high, low] = [groups[6] ?? 0, groups[7] ?? 0];
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (!isMapped) return { family: 6, text: compressed };
  return { family: 4, text: [high >> 8, high & 255, low >> 8, low & 255].join(".") };
}

/** The eight groups of an IPv6 address without an embedded IPv4 address. */
function groupsOf(text: string): number[] {
  const [head = "", tail] = text.split("::");
  const before = hexGroups(head);
  if (tail === undefined) return before;
  const after = hexGroups(tail);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return [...before, ...zeros, ...after];
}

function hexGroups(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}

/** The address as one number. */
export function toNumber(address: IpAddress): bigint {
  const [parts, width] =
    address.family === 4
      ? [address.text.split(".").map(Number), 8n]
      : [groupsOf(address.text), 16n];
  return parts.reduce((sum, part) => (sum << width) | BigInt(part), 0n);
}

/** The address that a number is, the other way round than `toNumber`; it has to be one of the family. */
export function fromNumber(family: 4 | 6, number: bigint): IpAddress {
  const [count, width] = family === 4 ? [4, 8n] : [8, 16n];
  const parts = Array.from({ length: count }, (_, place) => {
    const shift = BigInt(count - 1 - place) * width;
    return (number >> shift) & ((1n << width) - 1n);
  });
  const text = family === 4 ? parts.join(".") : parts.map((part) => part.toString(16)).join(":");
  return family === 4 ? { family, text } : canonicalIpv6(text);
}
