import { bitsOf, parseIp, toNumber, type IpAddress } from "../lib/ip.ts";
import { attribute, flags, type NetlinkRequest } from "./message.ts";
import { asking } from "./socket.ts";

const RTM_NEWADDR = 20;
const RTM_NEWROUTE = 24;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
/** At once usable: no check whether another has the address (duplicate address detection). */
const IFA_F_NODAD = 2;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RT_SCOPE_LINK = 253;
const RTN_UNICAST = 1;

export interface AddressOnLink {
  index: number;
  address: IpAddress;
  prefix: number;
}

/** Gives a link an address, with the subnet's broadcast address where it has one; not refused where it has it already. */
export function addAddress({ index, address, prefix }: AddressOnLink): NetlinkRequest {
  const header = Buffer.alloc(8);
  header.writeUInt8(familyNumber(address.family), 0);
  header.writeUInt8(prefix, 1);
  header.writeUInt8(address.family === 6 ? IFA_F_NODAD : 0, 2);
  header.writeInt32LE(index, 4);
  const bytes = addressBytes(address);
  const own = [attribute(IFA_LOCAL, bytes), attribute(IFA_ADDRESS, bytes)];
  if (address.family === 4 && prefix < 31) {
    const hostBits = (1n << BigInt(32 - prefix)) - 1n;
    own.push(attribute(IFA_BROADCAST, numberBytes(toNumber(address) | hostBits, 32)));
  }
  const body = Buffer.concat([header, ...own]);
  return { type: RTM_NEWADDR, flags: asking(flags.create, flags.replace), body };
}

export interface RouteOnLink {
  index: number;
  /** `0.0.0.0/0` and `::/0` are the default. */
  destination: { address: IpAddress; prefix: number };
  gateway?: string | undefined;
}

/** A route over a link, through `gateway` or to what is on the link. Refused with EEXIST where there is one. */
export function addRoute({ index, destination, gateway }: RouteOnLink): NetlinkRequest {
  const { address, prefix } = destination;
  const header = Buffer.alloc(12);
  header.writeUInt8(familyNumber(address.family), 0);
  header.writeUInt8(prefix, 1);
  header.writeUInt8(RT_TABLE_MAIN, 4);
  header.writeUInt8(RTPROT_BOOT, 5);
  const isOnLink = gateway === undefined && address.family === 4;
  header.writeUInt8(isOnLink ? RT_SCOPE_LINK : 0, 6);
  header.writeUInt8(RTN_UNICAST, 7);
  const oif = Buffer.alloc(4);
  oif.writeInt32LE(index);
  const via = gateway === undefined ? undefined : parseIp(gateway);
  const body = Buffer.concat([
    header,
    ...(prefix === 0 ? [] : [attribute(RTA_DST, addressBytes(address))]),
    ...(via === undefined ? [] : [attribute(RTA_GATEWAY, addressBytes(via))]),
    attribute(RTA_OIF, oif),
  ]);
  return { type: RTM_NEWROUTE, flags: asking(flags.create, flags.exclusive), body };
}

/** An address as the kernel has it, in network order. */
function addressBytes(address: IpAddress): Buffer {
  return numberBytes(toNumber(address), bitsOf(address.family));
}

function numberBytes(number: bigint, bits: number): Buffer {
  return Buffer.from(number.toString(16).padStart(bits / 4, "0"), "hex");
}

function familyNumber(family: 4 | 6): number {
  return family === 4 ? 2 : 10;
}
