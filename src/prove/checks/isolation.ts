import { describeError } from "../../lib/errors.ts";
import type { NetworkList } from "../../cni/index.ts";
import { removePeer } from "../peer.ts";
import { all, type Check, FAMILIES, needsAddress, ok, type Proof, SERVER_PORT } from "../proof.ts";
import { joined, listen } from "./attach.ts";

/** How long an answer of a network that may be out of reach is waited for, ms. */
const ANSWER_MS = 800;

/** Which of the other networks are reached: no verdict, because either may be wanted. */
export const isolationCheck: Check = {
  name: "isolation",
  needs: all(needsAddress(), ({ others }) =>
    others.length === 0 ? "there is no other network" : undefined,
  ),
  async run(proof) {
    const words: string[] = [];
    let isKnown = true;
    for (const list of proof.others) {
      try {
        words.push(
          `${list.name} ${(await reaches(proof, list)) ? "is reached" : "is out of reach"}`,
        );
      } catch (error) {
        isKnown = false;
        words.push(`${list.name} cannot be tried: ${describeError(error)}`);
      }
    }
    return isKnown ? ok(words.join("; ")) : { status: "note", detail: words.join("; ") };
  },
};

/** Whether a peer on another network answers this network's first one. */
async function reaches(proof: Proof, list: NetworkList): Promise<boolean> {
  const { one, peers } = proof;
  const before = peers.length;
  try {
    const stranger = await joined(proof, [], list);
    await listen(stranger);
    for (const family of FAMILIES) {
      const address = stranger.addresses[family];
      if (address === undefined || one?.addresses[family] === undefined) continue;
      const call = { protocol: "tcp" as const, address, port: SERVER_PORT, timeoutMs: ANSWER_MS };
      const answer = await one.sockets.call(call);
      if (!("error" in answer) && answer.server === stranger.record.netns) return true;
    }
    return false;
  } finally {
    for (const peer of peers.splice(before)) {
      await removePeer(proof.scratch, peer).catch((error: unknown) => {
        proof.isStuck = true;
        throw error;
      });
    }
  }
}
