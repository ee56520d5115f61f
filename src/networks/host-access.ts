import { createHash } from "node:crypto";
import { isJsonObject, type JsonObject } from "../lib/fields.ts";
import { prefixesOf, rangeOf } from "../lib/ip-range.ts";
import { parseIp, toNumber } from "../lib/ip.ts";
import { textOf } from "../lib/texts.ts";
import type { HostAccess } from "./mark.ts";
import { type NetworkSurroundings, refused } from "./options.ts";

/**
 * What the host has to have to reach containers of a macvlan network: the kernel lets no packet pass between the parent and its own
 * macvlans. Throws BAD_ARGS for other drivers, and where the containers' addresses are not told from those of the parent's network.
 */
export function hostAccessOf(
  name: string,
  plugins: readonly JsonObject[],
  { links }: Pick<NetworkSurroundings, "links">,
): HostAccess {
  const [first = {}] = plugins;
  if (first["type"] !== "macvlan") {
    const hint = "leave it out: the host is on the network already, or take the driver macvlan";
    throw refused("--host-access", `${textOf(first["type"])} needs none`, hint);
  }
  const routes = rangesOf(first).flatMap(({ rangeStart, rangeEnd }) => {
    const [from, to] = [parseIp(textOf(rangeStart)), parseIp(textOf(rangeEnd))];
    if (from === undefined || to === undefined) return [];
    return prefixesOf({ family: from.family, first: toNumber(from), last: toNumber(to) });
  });
  if (routes.length === 0) {
    const hint = "give the part of the subnet that is the containers' with --ip-range";
    throw refused("--host-access", "which addresses are the containers' is not known", hint);
  }
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 9);
  const ifname = `cnih-${/^[\w-]{1,10}$/.test(name) ? name : hash}`;
  if (links.includes(ifname)) {
    const hint = `see what it is with: ip -d link show ${ifname}`;
    throw refused("--host-access", `the host has an interface ${ifname} already`, hint);
  }
  return { ifname, parent: textOf(first["master"]), routes };
}

function rangesOf({ ipam }: JsonObject): JsonObject[] {
  const ranges = isJsonObject(ipam) ? ipam["ranges"] : undefined;
  return Array.isArray(ranges) ? ranges.flat().filter(isJsonObject) : [];
}

/** One call of ip(8) after another that makes it; each is undone by the removal of the interface. */
export function hostAccessCalls({ ifname, parent, routes }: HostAccess): string[][] {
  return [
    ["ip", "link", "add", ifname, "link", parent, "type", "macvlan", "mode", "bridge"],
    ["ip", "link", "set", ifname, "up"],
    ...routes.map((route) => ["ip", "route", "replace", route, "dev", ifname]),
  ];
}

/** Whether all of it is there. `routes` are those of the interface, as ip(8) prints them. */
export function isReachable({ routes }: HostAccess, present: readonly { dst: string }[]): boolean {
  const known = present.flatMap(({ dst }) => rangeOf(dst) ?? []);
  return routes.every((route) => {
    const wanted = rangeOf(route);
    return known.some((each) => each.first === wanted?.first && each.last === wanted.last);
  });
}
