import { setTimeout as pause } from "node:timers/promises";
import { ipJson } from "./ip-json.ts";

/** The longest that duplicate address detection takes as the kernel does it (RFC 4862, section 5.4), ms. */
const LONGEST_MS = 4000;

/** Waits until the host can use its IPv6 addresses among these: a bridge that was just made cannot at once. */
export async function usable(addresses: readonly string[]): Promise<void> {
  for (const deadline = Date.now() + LONGEST_MS; Date.now() < deadline; await pause(50)) {
    const links = await ipJson<{ addr_info?: { local?: string }[] }>([
      "-6",
      "address",
      "show",
      "tentative",
    ]);
    const tentative = new Set(
      links.flatMap(({ addr_info: all = [] }) => all.map(({ local }) => local)),
    );
    if (!addresses.some((address) => tentative.has(address))) return;
  }
}
