import { fromNumber, bitsOf, parseIpWithPrefix, toNumber } from "../lib/ip.ts";
import { type IpRange, overlaps, rangeOf } from "../lib/ip-range.ts";
import type { JsonObject } from "../lib/fields.ts";
import { type NetworkOptions, refused } from "./options.ts";

export interface Addressing extends Pick<NetworkOptions, "gateways" | "ipRanges" | "internal"> {
  /** At least one. */
  subnets: readonly string[];
}

/** A subnet of the network, read. */
interface Subnet extends IpRange {
  text: string;
}

/**
 * The `ipam` object of host-local (its documentation): a container is given one address of each family; subnets of one family are
 * used one after another. Throws BAD_ARGS for what host-local would refuse, and for a gateway or a range in none of the subnets.
 */
export function hostLocalIpam({ subnets, gateways, ipRanges, internal }: Addressing): JsonObject {
  const read = subnets.map(parseSubnet);
  for (const [place, subnet] of read.entries()) {
    const other = read.slice(0, place).find((each) => overlaps(each, subnet));
    if (other !== undefined) {
      throw refused(
        `--subnet ${subnet.text}`,
        `it overlaps ${other.text}`,
        "leave one of them out",
      );
    }
  }
  const gatewayOf = new Map(gateways.map((text) => gatewayIn(read, text)));
  const parts = ipRanges.map((text) => partOf(read, text));
  const families = ([4, 6] as const).filter((family) =>
    read.some((each) => each.family === family),
  );
  const ranges = families.map((family) =>
    read
      .filter((each) => each.family === family)
      .flatMap((subnet) => {
        const gateway = gatewayOf.get(subnet);
        const object = { subnet: subnet.text, ...(gateway !== undefined && { gateway }) };
        const own = parts.filter((part) => part.subnet === subnet);
        return own.length === 0
          ? [object]
          : own.map(({ rangeStart, rangeEnd }) => Object.assign({ rangeStart, rangeEnd }, object));
      }),
  );
  const routes = families.map((family) => ({ dst: family === 4 ? "0.0.0.0/0" : "::/0" }));
  return { type: "host-local", ranges, ...(!internal && { routes }) };
}

export function familyOf(subnet: string): 4 | 6 {
  return parseSubnet(subnet).family;
}

function parseSubnet(text: string): Subnet {
  const option = `--subnet ${text}`;
  const hint = "write ADDRESS/LENGTH, such as 10.20.0.0/24 or fd00:20::/64";
  const address = parseIpWithPrefix(text);
  const range = rangeOf(text);
  if (address?.prefix === undefined || range === undefined) {
    throw refused(option, "it is no subnet", hint);
  }
  const { family, prefix } = address;
  const first = `${fromNumber(family, range.first).text}/${prefix}`;
  if (first !== `${address.text}/${prefix}`) {
    throw refused(option, "its address is not the first one of the subnet", `write ${first}`);
  }
  if (bitsOf(family) - prefix < 2) {
    throw refused(
      option,
      "it has no room for a gateway and a container",
      "give it 4 addresses or more",
    );
  }
  return { ...range, text: first };
}

function gatewayIn(subnets: readonly Subnet[], text: string): [Subnet, string] {
  const option = `--gateway ${text}`;
  const address = parseIpWithPrefix(text);
  const number = address?.prefix === undefined && address ? toNumber(address) : undefined;
  if (address === undefined || number === undefined) {
    throw refused(option, "it is no address", "write it without a length, such as 10.20.0.1");
  }
  const subnet = subnets.find((each) => each.family === address.family && isUsable(each, number));
  if (subnet === undefined) throw outside(option, subnets);
  return [subnet, address.text];
}

function partOf(subnets: readonly Subnet[], text: string) {
  const option = `--ip-range ${text}`;
  const [from = "", to] = text.split("-");
  const [start, end] = [rangeOf(from), rangeOf(to ?? from)];
  if (start === undefined || end === undefined || start.family !== end.family) {
    throw refused(option, "it is no range", "write ADDRESS/LENGTH, or FIRST-LAST");
  }
  const { family } = start;
  const subnet = subnets.find(
    (each) => each.family === family && each.first <= start.first && end.last <= each.last,
  );
  if (subnet === undefined) throw outside(option, subnets);
  const { first, last } = usable(subnet);
  const rangeStart = start.first < first ? first : start.first;
  const rangeEnd = end.last > last ? last : end.last;
  if (rangeStart > rangeEnd) throw refused(option, "it has no address to give", "make it larger");
  return {
    subnet,
    rangeStart: fromNumber(family, rangeStart).text,
    rangeEnd: fromNumber(family, rangeEnd).text,
  };
}

function outside(option: string, subnets: readonly Subnet[]) {
  const which = subnets.map(({ text }) => text).join(", ");
  return refused(option, `it is in no subnet of the network (${which})`, "add its --subnet");
}

/** Without the first address, and the broadcast address, which IPv6 does not have. */
function usable({ family, first, last }: IpRange): { first: bigint; last: bigint } {
  return { first: first + 1n, last: family === 4 ? last - 1n : last };
}

function isUsable(subnet: IpRange, number: bigint): boolean {
  const { first, last } = usable(subnet);
  return number >= first && number <= last;
}
