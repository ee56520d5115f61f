import { constants } from "node:os";

/** Flags of a request (linux/netlink.h); `ACK` asks for an answer when nothing else would come. */
export const flags = {
  request: 1,
  ack: 4,
  dump: 0x300,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
} as const;

const HEADER_BYTES = 16;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;

/** A request without its header, which the socket puts before it. */
export interface NetlinkRequest {
  /** RTM_NEWLINK and so on (linux/rtnetlink.h). */
  type: number;
  flags: number;
  /** The family's own header, and attributes. */
  body: Uint8Array;
}

/** An answer: of one message, the kernel's error number where it is one, 0 for an acknowledgement. */
export interface NetlinkReply {
  type: number;
  sequence: number;
  error?: number;
  body: Buffer;
}

/** One attribute, padded to four bytes (netlink(7)); attributes within it are its value. */
export function attribute(type: number, ...value: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(value);
  const bytes = Buffer.alloc(padded(4 + content.length));
  bytes.writeUInt16LE(4 + content.length, 0);
  bytes.writeUInt16LE(type, 2);
  content.copy(bytes, 4);
  return bytes;
}

/** A number of 32 bits as attributes have it. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

export function u8(value: number): Buffer {
  return Buffer.from([value]);
}

/** A text with the zero byte that ends it. */
export function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

/** The bytes of a request with its header. */
export function encode({ type, flags: bits, body }: NetlinkRequest, sequence: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(HEADER_BYTES + body.length, 0);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(bits, 6);
  header.writeUInt32LE(sequence, 8);
  return Buffer.concat([header, body]);
}

/** The messages of what was read at once. */
export function decode(bytes: Buffer): NetlinkReply[] {
  const replies: NetlinkReply[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const length = bytes.readUInt32LE(at);
    if (length < HEADER_BYTES || at + length > bytes.length) break;
    const type = bytes.readUInt16LE(at + 4);
    const body = bytes.subarray(at + HEADER_BYTES, at + length);
    const isEnd = type === NLMSG_ERROR || (type === NLMSG_DONE && body.length >= 4);
    const sequence = bytes.readUInt32LE(at + 8);
    replies.push({ type, sequence, body, ...(isEnd && { error: -body.readInt32LE(0) }) });
    at += padded(length);
  }
  return replies;
}

/** The attributes in `bytes` by type; of several of one type the last. */
export function readAttributes(bytes: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = bytes.readUInt16LE(at);
    if (length < 4 || at + length > bytes.length) break;
    // The two highest bits say how the value is written.
    found.set(bytes.readUInt16LE(at + 2) & 0x3fff, bytes.subarray(at + 4, at + length));
    at += padded(length);
  }
  return found;
}

/** The name of a system's error number, `EEXIST`. */
export function errnoName(error: number): string {
  const entry = Object.entries(constants.errno).find(([, value]) => value === error);
  return entry?.[0] ?? `errno ${error}`;
}

function padded(length: number): number {
  return (length + 3) & ~3;
}
