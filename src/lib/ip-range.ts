import { bitsOf, fromNumber, parseIpWithPrefix, toNumber } from "./ip.ts";

/** Addresses of one family from the first to the last one, as numbers. */
export interface IpRange {
  family: 4 | 6;
  first: bigint;
  last: bigint;
}

/** The addresses of `address/length`, or one address alone; undefined for anything else. */
export function rangeOf(subnet: string): IpRange | undefined {
  const address = parseIpWithPrefix(subnet);
  if (address === undefined) return undefined;
  const { family } = address;
  const free = BigInt(bitsOf(family) - (address.prefix ?? bitsOf(family)));
  const first = (toNumber(address) >> free) << free;
  return { family, first, last: first + (1n << free) - 1n };
}

export function overlaps(one: IpRange, other: IpRange): boolean {
  return one.family === other.family && one.first <= other.last && other.first <= one.last;
}

export function sizeOf({ first, last }: IpRange): bigint {
  return last - first + 1n;
}

/** The fewest `address/length` that cover these addresses and no other. */
export function prefixesOf({ family, first, last }: IpRange): string[] {
  const prefixes: string[] = [];
  for (let from = first; from <= last;) {
    let free = 0n;
    while (
      free < bitsOf(family) &&
      from % (2n << free) === 0n &&
      from + (2n << free) - 1n <= last
    ) {
      free += 1n;
    }
    prefixes.push(`${fromNumber(family, from).text}/${bitsOf(family) - Number(free)}`);
    from += 1n << free;
  }
  return prefixes;
}
