import { type NetworkList, parseNetworkList } from "../../cni/index.ts";
import { describeError } from "../../lib/errors.ts";
import type { PortRequest } from "../../ports/ports.ts";
import { checkAll } from "../../sandbox/attach.ts";
import { isCheckUnsupported } from "../../sandbox/life.ts";
import { noteTraces } from "../leaks.ts";
import { addPeer, type Peer, removePeer } from "../peer.ts";
import { usable } from "../tentative.ts";
import {
  type Check,
  fail,
  FAMILIES,
  needsPeers,
  needsPorts,
  ok,
  type Proof,
  SERVER_PORT,
} from "../proof.ts";

/** The two peers; the first one publishes ports where the network can. */
export const addCheck: Check = {
  name: "add",
  async run(proof) {
    try {
      const ports = needsPorts(proof) === undefined ? PORTS : [];
      proof.one = await joined(proof, ports);
      proof.two = await joined(proof);
    } catch (error) {
      return fail(describeError(error), "see the plugin's part of the network's file");
    }
    await noteTraces(proof);
    await usable(proof.one.gateways);
    const seen = [proof.one, proof.two].map(({ record }) =>
      record.attachments.flatMap(({ addresses }) => addresses).join(", "),
    );
    if (seen.every((addresses) => addresses === "")) return ok("two peers, without addresses");
    await Promise.all([proof.one, proof.two].map(listen));
    return ok(seen.join(" and "));
  },
};

/** CNI CHECK of both peers. */
export const checkCheck: Check = {
  name: "check",
  needs: (proof) => {
    const { cniVersion, disableCheck } = proof.list;
    if (disableCheck) return "the network says disableCheck";
    if (/^0\.[0-3]\./.test(cniVersion)) return `CNI ${cniVersion} has no CHECK`;
    return needsPeers(proof);
  },
  async run({ scratch, one, two }) {
    try {
      for (const peer of [one, two]) {
        const reason = peer && (await checkAll(scratch, peer.record));
        if (reason !== undefined) return { status: "note", detail: reason };
      }
      return ok("as ADD left it");
    } catch (error) {
      if (isCheckUnsupported(error)) return { status: "skip", detail: describeError(error) };
      // So docker-cni takes it too, once it has built the network again and finds it still.
      const detail = `right after ADD, so it is the plugin's own error: ${describeError(error)}`;
      return { status: "note", detail };
    }
  },
};

/** DEL of every peer. */
export const delCheck: Check = {
  name: "del",
  async run(proof) {
    const faults = await removePeers(proof);
    proof.isStuck ||= faults.length > 0;
    if (faults.length === 0) return ok("");
    return fail(faults.join("; "), "docker cni gc tries again");
  },
};

/** Undoes all peers of the network and gives what could not be undone. */
export async function removePeers({ scratch, peers }: Proof): Promise<string[]> {
  const faults: string[] = [];
  for (const peer of peers.toReversed()) {
    try {
      await removePeer(scratch, peer);
    } catch (error) {
      faults.push(describeError(error));
    }
  }
  return faults;
}

/** Makes a peer on the network that is tested, or on another one. */
export async function joined(
  proof: Proof,
  ports: readonly PortRequest[] = [],
  list: NetworkList = proof.list,
): Promise<Peer> {
  const { scratch, agent, peers } = proof;
  // A copy: what a plugin's call leaves in it is not another's.
  const own = parseNetworkList(list.raw);
  return addPeer(scratch, { list: own, ports, agent, onRecord: (made) => void peers.push(made) });
}

/** Has the peer's servers listen on its addresses. */
export async function listen({ sockets, addresses }: Peer): Promise<void> {
  for (const family of FAMILIES) {
    const address = addresses[family];
    if (address !== undefined) await sockets.serve({ address, port: SERVER_PORT });
  }
}

/** Their ports on the host are chosen when they are allotted. */
const PORTS: readonly PortRequest[] = [
  { containerPort: SERVER_PORT, protocol: "tcp", hostPorts: undefined },
  { containerPort: SERVER_PORT, protocol: "udp", hostPorts: undefined },
];
