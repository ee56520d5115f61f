import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { CniError } from "../../src/cni/index.ts";
import { healSandbox } from "../../src/sandbox/heal.ts";
import { refreshHosts } from "../../src/sandbox/hosts.ts";
import { restoreIpv6 } from "../../src/sandbox/restore-ipv6.ts";
import { attachment, keptRecord, useBench } from "./context.ts";

const bench = useBench();
const ADDRESS = "fd00::2/64";

let restored: string[];
beforeEach(() => {
  restored = [];
});

test.each([
  { withoutIpv6: ["eth0"], missing: "Failed to match addr {fd00::2 ffff}", ADDs: 0 },
  { withoutIpv6: ["all"], missing: "Expected Route {Dst:{IP::: Mask:0000} GW:fd00::1}", ADDs: 0 },
  { withoutIpv6: ["all"], missing: "Failed to match addr {10.9.0.2 ffffff00}", ADDs: 1 },
  { withoutIpv6: ["eth1"], missing: "Failed to match addr {fd00::2 ffff}", ADDs: 1 },
])(
  "where a container has no IPv6 on $withoutIpv6, a CHECK that says $missing makes for $ADDs ADD, and none of IPv6",
  async ({ withoutIpv6, missing, ADDs }) => {
    const { context, events, namespaces, dir } = bench.current;
    mkdirSync(join(dir, "containers/c1"), { recursive: true });
    const record = keptRecord(bench.current, { withoutIpv6 });
    context.store.prepare(record.id);
    context.store.write(record);
    context.cni.checkNetworkList = async (_list, _rt, options) => {
      const fault = new CniError({ kind: "plugin", msg: missing, plugin: "bridge" });
      if (options?.ignore?.(fault) !== true) throw fault;
    };
    Object.assign(context.netns, { hasLink: async () => true });
    namespaces.add("c1");
    await healSandbox(context, "c1");
    expect(events.filter((event) => event === "ADD")).toHaveLength(ADDs);
    const off = events.filter((event) => event.startsWith("no IPv6"));
    expect(off).toEqual(ADDs === 0 ? [] : [`no IPv6 ${withoutIpv6[0]}`]);
  },
);

test("no IPv6 address of a container without IPv6 is told to its neighbours", async () => {
  const { context, dir } = bench.current;
  const hosts = join(dir, "hosts");
  writeFileSync(hosts, "");
  context.names = "hosts";
  const addresses = ["10.9.0.2/24", ADDRESS];
  const record = keptRecord(bench.current, {
    names: ["web"],
    files: { hosts },
    withoutIpv6: ["all"],
    attachments: [{ ...attachment, addresses }],
  });
  context.store.prepare(record.id);
  context.store.write(record);
  await refreshHosts(context, record);
  expect(readFileSync(hosts, "utf8")).toContain("10.9.0.2\tweb");
  expect(readFileSync(hosts, "utf8")).not.toContain("fd00::2");
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
