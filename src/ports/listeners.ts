import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";

import { ifThere } from "../lib/errors.ts";
import { parseIp } from "../lib/ip.ts";
import type { TakenPort } from "./port-conflict.ts";
import type { Protocol } from "./ports.ts";

/** What the system answers of a process that has ended, or that may not be looked at. */
const GONE = ["ENOENT", "EACCES", "ESRCH"];

/** A socket of the host that receives on a port. */
export interface Listener {
  protocol: Protocol;
  /** undefined: `::` without a word on IPv4, which Linux then serves too. */
  hostIP: string | undefined;
  hostPort: number;
  inode: string;
}

const TABLES = [
  { file: "tcp", protocol: "tcp" },
  { file: "tcp6", protocol: "tcp" },
  { file: "udp", protocol: "udp" },
  { file: "udp6", protocol: "udp" },
] as const;
const TCP_LISTEN = "0A";
const UDP_UNCONNECTED = "07";

/**
 * The sockets in a table of /proc/net (proc(5): tcp, tcp6, udp, udp6) that listen. Addresses are hexadecimal, each
 * group of four bytes in the order of a little-endian machine.
 */
export function parseSocketTable(text: string, protocol: "tcp" | "udp"): Listener[] {
  const listening = protocol === "tcp" ? TCP_LISTEN : UDP_UNCONNECTED;
  return text
    .split("\n")
    .slice(1)
    .flatMap((line): Listener[] => {
      const fields = line.trim().split(/\s+/);
      const [addressHex = "", portHex = ""] = (fields[1] ?? "").split(":");
      const [state, inode = ""] = [fields[3], fields[9]];
      const address = parseHexAddress(addressHex);
      if (state !== listening || address === undefined) return [];
      const hostIP = address === "::" ? undefined : address;
      return [{ protocol, hostIP, hostPort: Number.parseInt(portHex, 16), inode }];
    });
}

/** What listens in the network namespace of process `proc` (`/proc/self`, `/proc/1`, …). */
export function readListeners(proc = "/proc/self"): Listener[] {
  return TABLES.flatMap(({ file, protocol }) => {
    const text = ifThere(() => readFileSync(join(proc, "net", file), "utf8"), GONE);
    return text === undefined ? [] : parseSocketTable(text, protocol);
  });
}

/** The listener as a taken port, its holder not looked up: that means reading the descriptors of every process. */
export function asTakenPorts(listeners: readonly Listener[]): (TakenPort & { inode: string })[] {
  return listeners.map(({ protocol, hostIP, hostPort, inode }) => ({
    protocol,
    hostIP,
    hostPort,
    inode,
    holder: "a process of the host",
  }));
}

/** `process nginx (812)`, found by the socket's inode; undefined when no process shows it. */
export function findSocketHolder(inode: string, proc = "/proc"): string | undefined {
  const target = `socket:[${inode}]`;
  for (const pid of readdirSync(proc)) {
    if (!/^\d+$/.test(pid)) continue;
    const descriptors = ifThere(() => readdirSync(join(proc, pid, "fd")), GONE) ?? [];
    const holds = descriptors.some(
      (fd) => ifThere(() => readlinkSync(join(proc, pid, "fd", fd)), GONE) === target,
    );
    if (!holds) continue;
    const name = ifThere(() => readFileSync(join(proc, pid, "comm"), "utf8"), GONE)?.trim() ?? "?";
    // A process names itself; the name goes to a terminal.
    return `process ${name.replaceAll(/\p{C}/gu, "?")} (${pid})`;
  }
  return undefined;
}

function parseHexAddress(hex: string): string | undefined {
  if (!/^([0-9A-F]{8}|[0-9A-F]{32})$/i.test(hex)) return undefined;
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    (word.match(/../g) ?? []).toReversed().map((byte) => Number.parseInt(byte, 16)),
  );
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)).toString(16),
  );
  return parseIp(groups.join(":"))?.text;
}
