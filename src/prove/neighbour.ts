import { setTimeout as pause } from "node:timers/promises";
import { runCommand } from "../lib/process.ts";
import { ipJson } from "./ip-json.ts";

/** How long a neighbour may take to answer: the kernel asks three times, a second apart (arp(7)), ms. */
const ANSWER_MS = 3500;

interface NeighbourJson {
  lladdr?: string;
  state?: string[];
}

/**
 * The MAC of `address` on the interface's link, as the kernel learns it by ARP or neighbour discovery; undefined when nobody answers.
 * No packet is sent to the address itself.
 */
export async function neighbour(
  netns: string,
  ifName: string,
  address: string,
): Promise<string | undefined> {
  // "use" has the kernel look for it (NTF_USE); what it has found already stays.
  const at = ["neigh", "add", address, "dev", ifName, "use"];
  await runCommand("ip", ["-n", netns, ...at]);
  for (const deadline = Date.now() + ANSWER_MS; Date.now() < deadline; await pause(20)) {
    const [found] = await ipJson<NeighbourJson>(["neigh", "show", address, "dev", ifName], netns);
    if (found?.lladdr !== undefined) return found.lladdr;
    if (found?.state?.includes("FAILED")) return undefined;
  }
  return undefined;
}
