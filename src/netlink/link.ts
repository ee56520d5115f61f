import { attribute, flags, readAttributes, text, u32, u8, type NetlinkRequest } from "./message.ts";
import { asking } from "./socket.ts";

/** A network interface, of RTM_NEWLINK (rtnetlink(7)). */
export interface Link {
  index: number;
  name: string;
  mac: string;
  mtu: number;
  isUp: boolean;
  /** The index of the bridge that it is a port of. */
  master?: number;
  /** `bridge`, `veth`; undefined of a physical one. */
  kind?: string;
}

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_SETLINK = 19;
const IFF_UP = 1;
const AF_BRIDGE = 7;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_MASTER = 10;
const IFLA_PROTINFO = 12;
const IFLA_LINKINFO = 18;
const IFLA_NET_NS_FD = 28;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const NESTED = 0x8000;
const VETH_INFO_PEER = 1;
const IFLA_BR_STP_STATE = 5;
const IFLA_BRPORT_MODE = 4;
const IFLA_BRPORT_ISOLATED = 33;

/** Asks for one link by its name. */
export function getLink(name: string): NetlinkRequest {
  const body = Buffer.concat([header({}), attribute(IFLA_IFNAME, text(name))]);
  return { type: RTM_GETLINK, flags: asking(), body };
}

/** What `getLink` was answered. */
export function readLink(body: Buffer): Link {
  const found = readAttributes(body.subarray(16));
  const info = readAttributes(found.get(IFLA_LINKINFO) ?? Buffer.alloc(0));
  const kind = info.get(IFLA_INFO_KIND);
  const master = found.get(IFLA_MASTER)?.readUInt32LE();
  return {
    index: body.readInt32LE(4),
    name: textOf(found.get(IFLA_IFNAME)),
    mac: (found.get(IFLA_ADDRESS) ?? Buffer.alloc(0))
      .toString("hex")
      .replaceAll(/(..)(?=.)/g, "$1:"),
    mtu: found.get(IFLA_MTU)?.readUInt32LE() ?? 0,
    isUp: (body.readUInt32LE(8) & IFF_UP) !== 0,
    ...(master !== undefined && { master }),
    ...(kind !== undefined && { kind: textOf(kind) }),
  };
}

/** Makes a bridge that is up, without the spanning tree protocol. Refused with EEXIST where there is such a link. */
export function addBridge(options: {
  name: string;
  mac: string;
  mtu?: number | undefined;
}): NetlinkRequest {
  const { name, mac, mtu } = options;
  return {
    type: RTM_NEWLINK,
    flags: asking(flags.create, flags.exclusive),
    body: Buffer.concat([
      header({ isUp: true }),
      attribute(IFLA_IFNAME, text(name)),
      attribute(IFLA_ADDRESS, macBytes(mac)),
      ...(mtu === undefined ? [] : [attribute(IFLA_MTU, u32(mtu))]),
      kindInfo("bridge", attribute(IFLA_BR_STP_STATE, u32(0))),
    ]),
  };
}

export interface VethEnd {
  name: string;
  mac?: string | undefined;
}

/** Makes a veth pair: `host`, up and a port of the bridge `master`, and `peer` in the namespace of the open file `netns`. */
export function addVeth(options: {
  host: VethEnd;
  peer: VethEnd;
  master: number;
  netns: number;
  mtu?: number | undefined;
}): NetlinkRequest {
  const { host, peer, master, netns, mtu } = options;
  const common = mtu === undefined ? [] : [attribute(IFLA_MTU, u32(mtu))];
  const inside = [
    header({}),
    ...common,
    ...nameAndMac(peer),
    attribute(IFLA_NET_NS_FD, u32(netns)),
  ];
  return {
    type: RTM_NEWLINK,
    flags: asking(flags.create, flags.exclusive),
    body: Buffer.concat([
      header({ isUp: true }),
      ...common,
      ...nameAndMac(host),
      attribute(IFLA_MASTER, u32(master)),
      kindInfo("veth", attribute(VETH_INFO_PEER, ...inside)),
    ]),
  };
}

/** How a port of a bridge forwards: back to where it came from (`hairpin`), and to other isolated ports. */
export function setPort(
  index: number,
  { hairpin, isolated }: { hairpin: boolean; isolated: boolean },
): NetlinkRequest {
  const port = attribute(
    IFLA_PROTINFO | NESTED,
    attribute(IFLA_BRPORT_MODE, u8(Number(hairpin))),
    attribute(IFLA_BRPORT_ISOLATED, u8(Number(isolated))),
  );
  const body = Buffer.concat([header({ index, family: AF_BRIDGE }), port]);
  return { type: RTM_SETLINK, flags: asking(), body };
}

export function setUp(index: number): NetlinkRequest {
  return { type: RTM_NEWLINK, flags: asking(), body: header({ index, isUp: true }) };
}

/** Removes a link by its name; refused with ENODEV where there is none. */
export function deleteLink(name: string): NetlinkRequest {
  const body = Buffer.concat([header({}), attribute(IFLA_IFNAME, text(name))]);
  return { type: RTM_DELLINK, flags: asking(), body };
}

/** struct ifinfomsg; an interface that is not to be made up stays as it is. */
function header(of: { index?: number; family?: number; isUp?: boolean }): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt8(of.family ?? 0, 0);
  bytes.writeInt32LE(of.index ?? 0, 4);
  bytes.writeUInt32LE(of.isUp === true ? IFF_UP : 0, 8);
  bytes.writeUInt32LE(of.isUp === true ? IFF_UP : 0, 12);
  return bytes;
}

function kindInfo(kind: string, ...data: readonly Uint8Array[]): Buffer {
  return attribute(
    IFLA_LINKINFO,
    attribute(IFLA_INFO_KIND, Buffer.from(kind)),
    attribute(IFLA_INFO_DATA, ...data),
  );
}

function nameAndMac({ name, mac }: VethEnd): Buffer[] {
  const named = attribute(IFLA_IFNAME, text(name));
  return mac === undefined ? [named] : [named, attribute(IFLA_ADDRESS, macBytes(mac))];
}

function macBytes(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(/[:-]/g, ""), "hex");
}

function textOf(bytes: Buffer | undefined): string {
  return bytes?.toString().replace(/\0.*$/s, "") ?? "";
}
