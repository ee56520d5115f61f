import { ip } from "../netns/command.ts";
import { addPeer, type Peer } from "./peer.ts";
import type { Proof } from "./proof.ts";

/** A client that comes to the host over a link of its own, as one on another machine would. */
export interface Outside {
  peer: Peer;
  /** The host's address on that link, and the client's. */
  host: string;
  own: string;
}

/**
 * Makes a namespace that is linked to the host alone, with addresses of the range for documentation (RFC 5737, 192.0.2.0/24). The link
 * ends with the namespace.
 */
export async function addOutside({ scratch, agent, peers }: Proof): Promise<Outside> {
  const peer = await addPeer(scratch, { agent, onRecord: (made) => void peers.push(made) });
  const { netns } = peer.record;
  const link = `cnit${scratch.run}`;
  // A quarter of the range's 64 links of four addresses, by the run: two tests at once are seldom in each other's way.
  const first = 4 * (Number.parseInt(scratch.run.slice(0, 2), 16) % 64);
  const [host, own] = [`192.0.2.${first + 1}`, `192.0.2.${first + 2}`];
  await ip(["link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", netns]);
  await ip(["address", "add", `${host}/30`, "dev", link]);
  await ip(["link", "set", link, "up"]);
  await ip(["-n", netns, "address", "add", `${own}/30`, "dev", "eth0"]);
  await ip(["-n", netns, "link", "set", "eth0", "up"]);
  return { peer, host, own };
}
