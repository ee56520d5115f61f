import { networkInterfaces } from "node:os";
import { declaresCapability, type NetworkList } from "../cni/index.ts";
import { type PortMapping } from "../ports/ports.ts";
import { publishedPorts } from "../state/record.ts";
import type { Peer } from "./peer.ts";
import type { Scratch } from "./scratch.ts";
import type { Sockets } from "./sockets.ts";
import type { Traces } from "./traces.ts";

/** What came of a check. `note`: it works, and there is something to know; `fail`: it does not; `skip`: it was not tried. */
export interface Outcome {
  status: "ok" | "note" | "fail" | "skip";
  /** What was seen, or why it was not tried. */
  detail: string;
  /** What to do about it. */
  hint?: string;
}

/** One network as it is being tested. */
export interface Proof {
  scratch: Scratch;
  list: NetworkList;
  /** The other networks of the host. */
  others: readonly NetworkList[];
  /** The command of an agent. */
  agent: readonly string[];
  /** Servers and clients in the host's own namespace. */
  host: Sockets;
  /** Every peer that is there, in the order in which they came. */
  peers: Peer[];
  /** The two on the network, once ADD has succeeded; the first one publishes ports where the network can. */
  one?: Peer;
  two?: Peer;
  /** Whether DEL has failed. */
  isStuck: boolean;
  /** What there was on the host before. */
  before: Traces;
  /** What is known only while the peers are there, for the search for what they left: see `noteTraces`. */
  chainsSeen: Set<string>;
  addressesSeen: Set<string>;
  /** New interfaces of the host, and those that the results of ADD name. */
  linksSeen: Set<string>;
  linksOfAdd: Set<string>;
}

/** One thing that is tested. */
export interface Check {
  /** What `--only` and reports name it by. */
  name: string;
  /** Why it cannot be tried on this network; undefined when it can. */
  needs?: (proof: Proof) => string | undefined;
  run: (proof: Proof) => Promise<Outcome>;
}

export type Family = 4 | 6;
export const FAMILIES: readonly Family[] = [4, 6];

/** The port that the peers' servers listen on. */
export const SERVER_PORT = 18_080;

export function ok(detail: string): Outcome {
  return { status: "ok", detail };
}

export function fail(detail: string, hint?: string): Outcome {
  return { status: "fail", detail, ...(hint !== undefined && { hint }) };
}

/** The first reason that one of these gives. */
export function all(
  ...needs: ((proof: Proof) => string | undefined)[]
): (proof: Proof) => string | undefined {
  return (proof) => {
    for (const need of needs) {
      const reason = need(proof);
      if (reason !== undefined) return reason;
    }
    return undefined;
  };
}

export function needsPeers({ one, two }: Proof): string | undefined {
  return one === undefined || two === undefined ? "add failed" : undefined;
}

/** Needs an address of any family, or of this one. */
export function needsAddress(family?: Family): (proof: Proof) => string | undefined {
  return all(needsPeers, ({ one, two }) => {
    const has = (wanted: Family): boolean =>
      one?.addresses[wanted] !== undefined && two?.addresses[wanted] !== undefined;
    if (family === undefined ? FAMILIES.some(has) : has(family)) return undefined;
    return `the network gives no ${family === undefined ? "address" : `IPv${family} address`}`;
  });
}

/** host-local names a gateway on a network that leads nowhere too. */
export function needsGateway({ one }: Proof): string | undefined {
  if (one === undefined) return undefined;
  if (one.gateways.length === 0) return "the result of ADD names no gateway";
  if (one.hasRoutes || one.gateways.some(isOfHost)) return undefined;
  return "no route leads over the gateway";
}

/** Needs the host to be on the network. */
export function needsHost(proof: Proof): string | undefined {
  const gateways = proof.one?.gateways ?? [];
  if (gateways.length === 0) return "no gateway: the host is not on the network";
  if (gateways.some(isOfHost)) return undefined;
  return `the gateway ${gateways.join(", ")} is not this host`;
}

export function needsPorts(proof: Proof): string | undefined {
  if (!declaresCapability(proof.list, "portMappings")) {
    return "no plugin declares the capability portMappings";
  }
  return proof.one !== undefined && mappingsOf(proof.one).length === 0
    ? "no port is published"
    : undefined;
}

/** The published ports of a peer. */
export function mappingsOf({ record }: Peer): PortMapping[] {
  return publishedPorts(record);
}

/** Whether an interface of this host has the address now. */
function isOfHost(address: string): boolean {
  return hostAddresses().includes(address);
}

/** The addresses of the host's interfaces that are not for a link alone. */
export function hostAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .filter(({ scopeid }) => !scopeid)
    .map(({ address }) => address);
}

/** The families in which both peers have an address. */
export function familiesOf(proof: Proof): Family[] {
  return FAMILIES.filter((family) => needsAddress(family)(proof) === undefined);
}

/** The gateway of that family that is an address of this host. */
export function hostGateway({ one }: Proof, family: Family): string | undefined {
  return one?.gateways.find((each) => each.includes(":") === (family === 6) && isOfHost(each));
}
