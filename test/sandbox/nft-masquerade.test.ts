import { expect, test } from "vitest";
import { lostMasquerade } from "../../src/sandbox/nft-masquerade.ts";
import { attachment } from "./context.ts";

function on(backend: string | undefined) {
  const plugin = { type: "bridge", ipMasq: true, ...(backend && { ipMasqBackend: backend }) };
  const list = JSON.stringify({ cniVersion: "1.0.0", name: "lan", plugins: [plugin] });
  return { id: "c1", attachments: [{ ...attachment, network: "lan", ifName: "eth0", list }] };
}

const ruleset = (...comments: string[]) =>
  JSON.stringify({
    nftables: [{ metainfo: {} }, ...comments.map((comment) => ({ rule: { comment } }))],
  });
const own = "a-b, net: lan, if: eth0, id: c1";

test.each([
  ["is there", "nftables", ruleset("a-b, net: lan, if: eth0, id: c2", own), undefined],
  [
    "is gone alone",
    "nftables",
    ruleset("a-b, net: lan, if: eth0, id: c2"),
    "the masquerade of lan is gone from nftables",
  ],
  ["is gone with its table", "nftables", undefined, "the masquerade of lan is gone from nftables"],
  ["cannot be looked for without nft", "nftables", null, undefined],
  ["is that of iptables, which CHECK looks for", undefined, undefined, undefined],
])("the masquerade %s", async (_, backend, text, lost) => {
  const found = await lostMasquerade(on(backend), () => Promise.resolve(text));
  expect(found).toBe(lost);
});
