import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Interface, Route } from "../cni/index.ts";
import { ifReadable } from "../lib/errors.ts";
import { bitsOf, parseIpWithPrefix } from "../lib/ip.ts";
import { addAddress, addRoute } from "../netlink/address.ts";
import {
  addBridge,
  addVeth,
  getLink,
  type Link,
  readLink,
  setPort,
  setUp,
} from "../netlink/link.ts";
import { NetlinkError, type NetlinkSocket } from "../netlink/socket.ts";
import { type Given, hashOf } from "./addresses.ts";
import type { BridgeConf } from "./conf.ts";
import { failed, type Host } from "./host.ts";

/** The bridge, made where there is none, with the gateways' addresses. Throws where the name is another kind of link's. */
export function ensureBridge(host: Host, conf: BridgeConf, given: readonly Given[]): Link {
  const found = findLink(host.here, conf.bridge) ?? makeBridge(host, conf);
  if (found.kind !== "bridge") {
    throw failed(`${conf.bridge} exists and is no bridge: give the network another "bridge"`);
  }
  const gateways = conf.isGateway ? given.filter(({ gateway }) => gateway !== undefined) : [];
  const addresses = gateways.flatMap(({ gateway, prefix }) =>
    gateway === undefined ? [] : [addAddress({ index: found.index, address: gateway, prefix })],
  );
  const up = found.isUp ? [] : [setUp(found.index)];
  if (up.length + addresses.length > 0) host.here.ask(...up, ...addresses);
  for (const { address } of gateways) {
    host.set(address.family === 4 ? "ipv4/ip_forward" : "ipv6/conf/all/forwarding", "1");
  }
  return found;
}

function makeBridge(host: Host, { bridge: name, mtu }: BridgeConf): Link {
  // The same at each boot, and not that of whichever port came first.
  const mac = Buffer.from([0x0a, 0x59, ...hashOf(name)])
    .toString("hex")
    .replaceAll(/(..)(?=.)/g, "$1:");
  try {
    host.here.ask(addBridge({ name, mac, mtu: mtu ?? uplinkMtu() }));
  } catch (error) {
    // Two containers may be the first at once.
    if (!(error instanceof NetlinkError) || error.code !== "EEXIST") throw error;
  }
  host.set(`ipv6/conf/${name}/accept_ra`, "0");
  const made = findLink(host.here, name);
  if (made === undefined) throw failed(`the bridge ${name} was removed while it was made`);
  return made;
}

/** The two ends of a pair, both there and up, and the container's address and routes set. */
export interface Attached {
  host: Interface;
  container: Interface;
}

export interface Wanted {
  ifName: string;
  netnsPath: string;
  mac: string | undefined;
  given: readonly Given[];
  routes: readonly Route[];
}

/** Connects the container; throws a NetlinkError of what the kernel refused: the pair may be left. */
export async function attachVeth(
  host: Host,
  conf: BridgeConf,
  bridge: Link,
  wanted: Wanted,
): Promise<Attached> {
  const { ifName, netnsPath, mac, given, routes } = wanted;
  const name = `veth${randomBytes(4).toString("hex")}`;
  const mtu = conf.mtu ?? bridge.mtu;
  const peer = { name: ifName, mac };
  host.here.ask(addVeth({ host: { name }, peer, master: bridge.index, netns: host.netns, mtu }));
  const outer = findLink(host.here, name);
  const inner = findLink(host.there, ifName);
  if (outer === undefined || inner === undefined)
    throw failed(`${ifName} was removed while it was made`);
  if (conf.hairpin || conf.isolated) {
    host.here.ask(setPort(outer.index, { hairpin: conf.hairpin, isolated: conf.isolated }));
  }
  if (given.some(({ address }) => address.family === 6)) {
    await host.setThere(`ipv6/conf/${ifName}/disable_ipv6`, "0");
    await host.setThere(`ipv6/conf/${ifName}/accept_dad`, "0");
  }
  const { index } = inner;
  host.there.ask(
    setUp(index),
    ...given.map(({ address, prefix }) => addAddress({ index, address, prefix })),
    ...routes.flatMap((route) => routeRequest(index, route, given)),
  );
  return {
    host: { name, mac: outer.mac },
    container: { name: ifName, mac: inner.mac, sandbox: netnsPath },
  };
}

function routeRequest(index: number, { dst, gw }: Route, given: readonly Given[]) {
  const read = parseIpWithPrefix(dst);
  if (read === undefined) return [];
  const { family, text, prefix = bitsOf(family) } = read;
  const gateway = gw || given.find(({ address }) => address.family === family)?.gateway?.text;
  return [addRoute({ index, destination: { address: { family, text }, prefix }, gateway })];
}

/** The link of this name; undefined where there is none. */
export function findLink(socket: NetlinkSocket, name: string): Link | undefined {
  try {
    const body = socket.ask(getLink(name))[0]?.[0];
    return body && readLink(body);
  } catch (error) {
    if (error instanceof NetlinkError && error.code === "ENODEV") return undefined;
    throw error;
  }
}

/** The MTU of the interface that the default route leads over; undefined where there is no such route. */
function uplinkMtu(): number | undefined {
  const table = ifReadable(() => readFileSync("/proc/net/route", "utf8")) ?? "";
  const line = table.split("\n").find((each) => each.split("\t")[1] === "00000000");
  const uplink = line?.split("\t")[0];
  if (!uplink) return undefined;
  return (
    Number(ifReadable(() => readFileSync(`/sys/class/net/${uplink}/mtu`, "utf8")) ?? 0) || undefined
  );
}
