import { isUnspecified, parseIp } from "../lib/ip.ts";
import type { PortMapping, Protocol } from "./ports.ts";

/** A port of the host that is in use. */
export interface TakenPort {
  hostPort: number;
  protocol: Protocol;
  /** undefined: every address of the host, IPv4 and IPv6. */
  hostIP?: string | undefined;
  /** Who holds it, in words: `container web`, `process nginx (812)`. */
  holder: string;
}

export interface PortConflict<W, T extends TakenPort = TakenPort> {
  wanted: W;
  taken: T;
}

/** A port of the host as far as conflicts go. */
type HostPort = Pick<PortMapping, "hostPort" | "protocol"> & { hostIP?: string | undefined };

/** The first of the wanted ports that is taken already, and by whom. */
export function findPortConflict<W extends HostPort, T extends TakenPort>(
  wanted: readonly W[],
  taken: readonly T[],
): PortConflict<W, T> | undefined {
  for (const port of wanted) {
    const other = taken.find((candidate) => clash(port, candidate));
    if (other !== undefined) return { wanted: port, taken: other };
  }
  return undefined;
}

/** Whether two publications of a port exclude each other: same protocol, and an address in common. */
export function clash(one: HostPort, other: HostPort): boolean {
  if (one.hostPort !== other.hostPort || one.protocol !== other.protocol) return false;
  const [a, b] = [reach(one.hostIP), reach(other.hostIP)];
  if (a === "all" || b === "all") return true;
  if (a.family !== b.family) return false;
  return a.text === undefined || b.text === undefined || a.text === b.text;
}

/** Which addresses of the host a host address stands for: all, all of a family, or one. */
function reach(hostIP: string | undefined): "all" | { family: 4 | 6; text: string | undefined } {
  const address = hostIP === undefined || hostIP === "" ? undefined : parseIp(hostIP);
  if (address === undefined) return "all";
  return { family: address.family, text: isUnspecified(address) ? undefined : address.text };
}
