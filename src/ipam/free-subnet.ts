import { overlaps, rangeOf } from "../lib/ip-range.ts";

export interface SubnetShape {
  family: 4 | 6;
  /** The length of the prefix; at least 16, or 48 of IPv6. */
  length: number;
}

/**
 * A private subnet (RFC 1918, RFC 4193) of this length that overlaps none of `used`, which are `address/length` or addresses; the
 * same one for the same question. Undefined where all that are tried are taken.
 */
export function freeSubnet(
  { family, length }: SubnetShape,
  used: readonly string[],
): string | undefined {
  const taken = used.flatMap((each) => rangeOf(each) ?? []);
  for (let index = 64; index < 256; index += 1) {
    const hex = index.toString(16).padStart(2, "0");
    const candidate =
      family === 4
        ? `10.${index}.0.0/${Math.max(length, 16)}`
        : `fd5e:7c0a:${hex}00::/${Math.max(length, 48)}`;
    const range = rangeOf(candidate);
    if (range !== undefined && !taken.some((each) => overlaps(range, each))) return candidate;
  }
  return undefined;
}
