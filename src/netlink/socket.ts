import { closeSync, readSync, writeSync } from "node:fs";
import type { Libc } from "../lib/libc.ts";
import {
  decode,
  encode,
  errnoName,
  flags,
  type NetlinkReply,
  type NetlinkRequest,
} from "./message.ts";

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const NETLINK_ROUTE = 0;
const REPLY_BYTES = 64 * 1024;

/** What the kernel refused, and why: `code` is `EEXIST`, `ENODEV` and so on. */
export class NetlinkError extends Error {
  override readonly name = "NetlinkError";
  readonly code: string;

  constructor(code: string) {
    super(`the kernel answered ${code}`);
    this.code = code;
  }
}

/** A connection to the kernel's tables of links, addresses and routes of one network namespace. */
export interface NetlinkSocket {
  /**
   * Makes the requests one after another, and gives what each of them answered. Throws the NetlinkError of the first that was
   * refused; those behind it are made all the same.
   */
  ask(...requests: readonly NetlinkRequest[]): Buffer[][];
  close(): void;
}

/** A socket of the namespace that the calling thread is in; it stays in that. Undefined where the system gives none. */
export function openNetlink(library: Libc): NetlinkSocket | undefined {
  const fd = library.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return undefined;
  let sequence = 0;
  const read = (): NetlinkReply[] => {
    const bytes = Buffer.allocUnsafe(REPLY_BYTES);
    return decode(bytes.subarray(0, readSync(fd, bytes)));
  };
  return {
    ask: (...requests) => {
      const first = sequence + 1;
      sequence += requests.length;
      const messages = requests.map((request, index) => encode(request, first + index));
      // All at once: the kernel takes them in turn.
      writeSync(fd, Buffer.concat(messages));
      return collect(requests, first, read);
    },
    close: () => closeSync(fd),
  };
}

/** Reads until each request has been acknowledged. */
function collect(
  requests: readonly NetlinkRequest[],
  first: number,
  read: () => NetlinkReply[],
): Buffer[][] {
  const answers = requests.map((): Buffer[] => []);
  const errors = new Map<number, number>();
  const isOpen = (index: number): boolean => !errors.has(index);
  while (answers.some((_, index) => isOpen(index))) {
    for (const { sequence, error, body } of read()) {
      const index = sequence - first;
      if (error === undefined) answers[index]?.push(Buffer.from(body));
      else if (index in answers) errors.set(index, error);
    }
  }
  const refused = requests.findIndex((_, index) => errors.get(index) !== 0);
  if (refused >= 0) throw new NetlinkError(errnoName(errors.get(refused) ?? 0));
  return answers;
}

/** The flags of a request that is answered whatever comes of it. */
export function asking(...bits: readonly number[]): number {
  return bits.reduce((sum, bit) => sum | bit, flags.request | flags.ack);
}
