import type { Peer } from "../peer.ts";
import {
  type Check,
  fail,
  FAMILIES,
  type Family,
  needsAddress,
  ok,
  type Outcome,
  type Proof,
  SERVER_PORT,
} from "../proof.ts";

/** Bytes in front of UDP's payload: the IP header without options, and UDP's own. */
const HEADERS: Record<Family, number> = { 4: 20 + 8, 6: 40 + 8 };
/** What every link carries (RFC 791 and RFC 8200), in bytes. */
const LEAST: Record<Family, number> = { 4: 576, 6: 1280 };
const LARGEST_UDP = 65_507;
/** How long a datagram may take, ms: three are sent. */
const ARRIVES_MS = 700;

/** The largest packet that the interface's MTU promises goes from peer to peer in one piece. */
export const mtuChecks: Check[] = FAMILIES.map((family) => ({
  name: `mtu-ipv${family}`,
  needs: needsAddress(family),
  run: (proof) => largestPacket(proof, family),
}));

async function largestPacket(proof: Proof, family: Family): Promise<Outcome> {
  const { one, two, scratch } = proof;
  if (one === undefined || two === undefined) return fail("there is no peer");
  const ifName = one.record.attachments[0]?.ifName;
  const { interfaces } = await scratch.netns.show(one.record.netns);
  const mtu = interfaces.find(({ name }) => name === ifName)?.mtu ?? 0;
  const promised = Math.min(mtu, LARGEST_UDP + HEADERS[4]);
  if (promised < LEAST[family]) return fail(`the interface's MTU is ${mtu}`);
  const passes = (bytes: number): Promise<boolean> => arrives(one, two, family, bytes);
  if (await passes(promised)) return ok(`${promised} bytes in one piece`);
  if (!(await passes(LEAST[family]))) return fail(`not even ${LEAST[family]} bytes arrive`);
  const largest = await bisect(LEAST[family], promised, passes);
  return fail(
    `the interface's MTU is ${mtu}, and packets of more than ${largest} bytes are lost`,
    `set "mtu": ${largest} in the network's plugin`,
  );
}

/**
 * Whether a packet of so many bytes arrives in one piece. A UDP socket of Linux forbids routers to split what fits into its own
 * interface's MTU (ip(7), IP_PMTUDISC_WANT); what the kernel split all the same, having learned of a smaller MTU, is counted.
 */
async function arrives(one: Peer, two: Peer, family: Family, bytes: number): Promise<boolean> {
  const before = await one.sockets.fragments();
  const answer = await one.sockets.call({
    protocol: "udp",
    address: two.addresses[family] ?? "",
    port: SERVER_PORT,
    timeoutMs: ARRIVES_MS,
    size: bytes - HEADERS[family],
  });
  const isWhole = (await one.sockets.fragments()) === before;
  return isWhole && !("error" in answer) && answer.size === bytes - HEADERS[family];
}

/** The largest number for which `passes` holds, which it does for `least` and does not for `most`. */
async function bisect(
  least: number,
  most: number,
  passes: (bytes: number) => Promise<boolean>,
): Promise<number> {
  let [good, bad] = [least, most];
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (await passes(middle)) good = middle;
    else bad = middle;
  }
  return good;
}
