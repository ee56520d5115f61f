import { beforeEach, expect, test } from "vitest";
import { restoreIpv6 } from "../../src/sandbox/ipv6.ts";
import { attachment, keptRecord, useBench } from "./context.ts";

const bench = useBench();
const ADDRESS = "fd00::2/64";

let restored: string[];
beforeEach(() => {
  restored = [];
});

test.each([
  { title: "an interface that is there is given its addresses", name: "eth0", links: ["eth0"] },
  { title: "an interface of another name than was asked for, too", name: "net7", links: ["net7"] },
  { title: "an interface that is gone is left to CHECK", name: "eth0", links: [] },
])("$title", async ({ name, links }) => {
  const { context, cached } = bench.current;
  Object.assign(context.netns, {
    hasLink: async (_: string, ifName: string) => links.some((link) => link === ifName),
    restoreIpv6: async (_: string, { ifName }: { ifName: string }) => void restored.push(ifName),
  });
  cached.push({
    containerId: "c1",
    network: "lan",
    ifName: "eth0",
    netns: "/run/netns/c1",
    config: attachment.list,
    cniArgs: [],
    capabilityArgs: {},
    result: {
      cniVersion: "1.0.0",
      interfaces: [{ name, sandbox: "/run/netns/c1" }],
      ips: [{ address: ADDRESS, interface: 0 }],
    },
  });
  const attachments = [{ ...attachment, addresses: [ADDRESS] }];
  await restoreIpv6(context, keptRecord(bench.current, { attachments }));
  expect(restored).toEqual(links);
});
