import type { PortMapping } from "../../ports/ports.ts";
import type { Peer } from "../peer.ts";
import { addOutside } from "../outside.ts";
import {
  all,
  type Check,
  fail,
  familiesOf,
  hostAddresses,
  hostGateway,
  mappingsOf,
  needsAddress,
  needsPorts,
  ok,
  type Outcome,
  type Proof,
} from "../proof.ts";
import { tryWay } from "../reach.ts";
import type { Sockets } from "../sockets.ts";

const needs = all(needsAddress(), needsPorts);

/** Where a published port is asked from. */
interface Client {
  sockets: Sockets;
  asker: string;
  /** The host's addresses that it asks. */
  targets: readonly string[];
  /** The address that the server should see, where it should see the client's own. */
  own?: string;
}

export const portChecks: Check[] = [
  {
    name: "port-from-host",
    needs,
    run: (proof) => {
      const loopback = familiesOf(proof).includes(4) ? ["127.0.0.1"] : [];
      const targets = [...loopback, ...hostTargets(proof)];
      return throughPorts(proof, { sockets: proof.host, asker: "the host", targets });
    },
  },
  {
    name: "port-from-peer",
    needs,
    run: (proof) => throughPorts(proof, clientOf(proof, proof.two)),
  },
  {
    name: "port-hairpin",
    needs,
    run: (proof) => {
      // Its own address cannot come in by its interface: another one has to be seen.
      const { own: _, ...client } = clientOf(proof, proof.one);
      return throughPorts(proof, { ...client, asker: "itself" });
    },
  },
  {
    name: "port-from-outside",
    needs: all(needs, (proof) =>
      familiesOf(proof).includes(4) ? undefined : "the network gives no IPv4 address",
    ),
    async run(proof) {
      const { peer, host, own } = await addOutside(proof);
      return throughPorts(proof, {
        sockets: peer.sockets,
        asker: "outside",
        targets: [host],
        own,
      });
    },
  },
];

function clientOf(proof: Proof, peer: Peer | undefined): Client {
  if (peer === undefined) throw new Error("there is no peer");
  const own = peer.addresses[4] ?? peer.addresses[6] ?? "";
  return { sockets: peer.sockets, asker: own, targets: hostTargets(proof), own };
}

/** An address of the host in each family: its gateway on the network, else its first one. */
function hostTargets(proof: Proof): string[] {
  return familiesOf(proof).flatMap((family) => {
    const first = (each: string): boolean =>
      each.includes(":") === (family === 6) && !/^(127\.|::1$|fe80:)/.test(each);
    return hostGateway(proof, family) ?? hostAddresses().find(first) ?? [];
  });
}

/** TCP and UDP by every target; says what address the server saw. */
async function throughPorts(proof: Proof, client: Client): Promise<Outcome> {
  const { one } = proof;
  if (one === undefined) return fail("there is no peer");
  if (client.targets.length === 0) return { status: "skip", detail: "the host has no address" };
  const seen = new Set<string>();
  for (const address of client.targets) {
    for (const { hostPort: port, protocol } of mappingsOf(one).filter(isTried)) {
      const { sockets: from, asker } = client;
      const server = one.record.netns;
      const tried = await tryWay({ from, asker, protocol, address, port, server });
      if ("error" in tried) return fail(tried.error, hintFor(address));
      seen.add(tried.from);
    }
  }
  const text = `the server sees ${[...seen].join(", ")}`;
  const isHidden = client.own !== undefined && ![...seen].some((from) => from === client.own);
  return isHidden
    ? { status: "note", detail: `${text}, not the client's ${client.own}` }
    : ok(text);
}

function isTried(mapping: PortMapping): mapping is PortMapping & { protocol: "tcp" | "udp" } {
  return mapping.protocol !== "sctp";
}

function hintFor(address: string): string {
  return address === "127.0.0.1"
    ? 'see "snat" of portmap, and net.ipv4.conf.all.route_localnet'
    : "see iptables -t nat -S | grep CNI, and what drops it: iptables -S FORWARD";
}
