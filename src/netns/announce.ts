import { closeSync } from "node:fs";
import { cString, libc, type Libc } from "../lib/libc.ts";
import { insideNetns } from "./native.ts";

const AF_PACKET = 17;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const SIOCGIFHWADDR = 0x8927;
const SIOCGIFINDEX = 0x8933;
const IFNAMSIZ = 16;
/** An address of each kind as bytes. */
const ARP_TYPE = [0x08, 0x06];
const IPV6_TYPE = [0x86, 0xdd];
const BROADCAST = Buffer.alloc(6, 0xff);
const ALL_NODES_MAC = Buffer.from([0x33, 0x33, 0, 0, 0, 1]);
const ALL_NODES = addressBytes("ff02::1");

/**
 * Tells who is on the interface's link that `addresses` (without a length) are at its MAC now, so that nobody waits until a
 * stale entry of a former owner expires: a gratuitous ARP (RFC 5227, section 3) or an unsolicited neighbour advertisement (RFC 4861, section
 * 7.2.6) for each. `path` is that of the namespace. False where the engine cannot, or a call failed.
 */
export async function announce(
  path: string,
  ifName: string,
  addresses: readonly string[],
): Promise<boolean> {
  const library = await libc();
  if (library === undefined) return false;
  const done = await insideNetns(path, () => sendAll(library, ifName, addresses));
  return done === true;
}

function sendAll(library: Libc, ifName: string, addresses: readonly string[]): boolean {
  const socket = library.socket(AF_PACKET, SOCK_RAW_CLOEXEC, 0);
  if (socket < 0) return false;
  try {
    // netdevice(7): an ifreq is the name, then what is asked for.
    const index = Buffer.alloc(40);
    cString(ifName.slice(0, IFNAMSIZ - 1)).forEach((byte, place) => index.writeUInt8(byte, place));
    const hardware = Buffer.from(index);
    if (library.ioctl(socket, SIOCGIFINDEX, index) !== 0) return false;
    if (library.ioctl(socket, SIOCGIFHWADDR, hardware) !== 0) return false;
    const mac = hardware.subarray(IFNAMSIZ + 2, IFNAMSIZ + 8);
    // packet(7): family, protocol, index, then what the kernel fills in.
    const to = Buffer.alloc(20);
    to.writeUInt16LE(AF_PACKET, 0);
    to.writeInt32LE(index.readInt32LE(IFNAMSIZ), 4);
    return addresses
      .map((address) => announcement(mac, address))
      .every((frame) => library.sendto(socket, frame, frame.length, 0, to, to.length) > 0);
  } finally {
    closeSync(socket);
  }
}

/** The Ethernet frame that says that `address`, IPv4 or IPv6, is at `mac`. */
export function announcement(mac: Uint8Array, address: string): Buffer {
  const own = addressBytes(address);
  if (own.length === 16) return advertisement(mac, own);
  // RFC 826: Ethernet and IPv4, a request for the sender's own address.
  const head = Buffer.from([0, 1, 8, 0, 6, 4, 0, 1]);
  const payload = [head, mac, own, Buffer.alloc(6), own];
  return Buffer.concat([BROADCAST, mac, Buffer.from(ARP_TYPE), ...payload]);
}

/** RFC 4861, section 4.4, with the override flag and the target's link-layer address. */
function advertisement(mac: Uint8Array, own: Buffer): Buffer {
  const OVERRIDE = 0x20;
  const head = Buffer.from([136, 0, 0, 0, OVERRIDE, 0, 0, 0]);
  const icmp = Buffer.concat([head, own, Buffer.from([2, 1]), mac]);
  const length = Buffer.from([0, icmp.length]);
  const pseudo = Buffer.concat([
    own,
    ALL_NODES,
    Buffer.from([0, 0]),
    length,
    Buffer.from([0, 0, 0, 58]),
  ]);
  icmp.writeUInt16BE(checksum(Buffer.concat([pseudo, icmp])), 2);
  const ip = Buffer.concat([Buffer.from([0x60, 0, 0, 0]), length, Buffer.from([58, 255])]);
  return Buffer.concat([ALL_NODES_MAC, mac, Buffer.from(IPV6_TYPE), ip, own, ALL_NODES, icmp]);
}

/** The Internet checksum (RFC 1071) of an even number of bytes. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let place = 0; place < bytes.length; place += 2) sum += bytes.readUInt16BE(place);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function addressBytes(address: string): Buffer {
  if (!address.includes(":")) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail = ""] = address.split("::");
  const [before, after] = [groupsOf(head), groupsOf(tail)];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return Buffer.from([...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 255]));
}

function groupsOf(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}
