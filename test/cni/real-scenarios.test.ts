import { describe, expect, test } from "vitest";
import type { RuntimeConf } from "../../src/cni/index.ts";
import { failure } from "./harness.ts";
import { bridge, testHost } from "./host.ts";

const mac = "02:00:00:00:02:01";
const portMappings = [{ hostPort: 18080, containerPort: 80, protocol: "tcp" }];

describe("what is asked for", () => {
  test("an address (CNI_ARGS), a MAC and a port reach the plugins", async () => {
    const host = testHost();
    const list = host.list([
      bridge(host),
      { type: "tuning", capabilities: { mac: true } },
      { type: "portmap", capabilities: { portMappings: true } },
    ]);
    const rt: RuntimeConf = {
      containerId: "c1",
      netns: host.netns,
      ifName: "eth0",
      cniArgs: [
        ["IgnoreUnknown", "1"],
        ["IP", "10.201.0.77"],
      ],
      capabilityArgs: { mac, portMappings },
    };
    await host.cni.addNetworkList(list, rt);
    expect(host.addresses("eth0")).toEqual({ ips: ["10.201.0.77/24"], mac });
    expect(host.iptables()).toMatch(/DNAT --to-destination 10\.201\.0\.77:80/);
    expect(host.run("busybox", "ping", "-c", "1", "-W", "2", "10.201.0.77")).toContain(
      "1 packets received",
    );

    // portmap leaves its rules behind unless DEL is given the ports again.
    await host.cni.delNetworkList(list, { containerId: "c1", netns: host.netns, ifName: "eth0" });
    expect(host.iptables()).not.toContain("10.201.0.77");
  });

  test("an address that is taken is refused in the plugin's own words, and DEL clears up", async () => {
    const host = testHost();
    const list = host.list([bridge(host)]);
    const rt: RuntimeConf = {
      containerId: "c1",
      netns: host.netns,
      ifName: "eth0",
      cniArgs: [
        ["IgnoreUnknown", "1"],
        ["IP", "10.201.0.9"],
      ],
    };
    await host.cni.addNetworkList(list, rt);
    const error = await failure(
      host.cni.addNetworkList(list, { ...rt, containerId: "c2", ifName: "eth1" }),
    );
    expect(error.message).toMatch(
      /^plugin type="bridge" name="lan" failed \(add\): .*10\.201\.0\.9 is not available.* \(code \d+\)$/,
    );
    await host.cni.delNetworkList(list, { ...rt, containerId: "c2", ifName: "eth1" });
    await host.cni.delNetworkList(list, rt);
    expect(host.leases()).toEqual([]);
  });
});

test("a chain that fails half-way leaves nothing after DEL", async () => {
  const host = testHost();
  const list = host.list([
    bridge(host),
    { type: "firewall", backend: "iptables" },
    { type: "tuning", sysctl: { "net.nonsense": "1" } },
  ]);
  const rt = { containerId: "c1", netns: host.netns, ifName: "eth0" };
  const error = await failure(host.cni.addNetworkList(list, rt));
  expect(error.plugin).toBe("tuning");
  expect(host.iptables()).toContain("10.201.0.2");

  await host.cni.delNetworkList(list, rt);
  expect(host.iptables()).not.toContain("10.201.0.2");
  expect(host.leases()).toEqual([]);
  expect(host.links()).toEqual(["tcbr0"]);
});

test("DEL after the netns has gone gives the address back", async () => {
  const host = testHost();
  const list = host.list([bridge(host)]);
  const rt = { containerId: "c1", netns: host.netns, ifName: "eth0" };
  await host.cni.addNetworkList(list, rt);
  await host.cni.delNetworkList(list, { ...rt, netns: "" });
  expect(host.leases()).toEqual([]);
});

test("GC deletes the attachment that is not valid any more", async () => {
  const host = testHost();
  // Without masquerading: the chain for it is one for all interfaces of a container, and busy while any is left.
  const list = host.list([bridge(host, { ipMasq: false })]);
  await host.cni.addNetworkList(list, { containerId: "c1", netns: host.netns, ifName: "eth0" });
  await host.cni.addNetworkList(list, { containerId: "c1", netns: host.netns, ifName: "eth1" });
  await host.cni.gcNetworkList(list, { validAttachments: [{ containerId: "c1", ifName: "eth1" }] });
  expect(host.leases()).toEqual(["10.201.0.3"]);
  expect(host.addresses("eth0").ips).toEqual([]);
  expect(host.addresses("eth1").ips).toEqual(["10.201.0.3/24"]);
});

test("all of them say which versions they speak", async () => {
  const host = testHost();
  const types = [
    "bridge",
    "ptp",
    "macvlan",
    "loopback",
    "host-local",
    "static",
    "tuning",
    "portmap",
    "bandwidth",
    "firewall",
    "sbr",
    "host-device",
  ];
  for (const type of types) {
    expect((await host.cni.version(type)).supportedVersions).toContain("1.0.0");
  }
  const capable = host.list([
    { type: "bridge", capabilities: { mac: true } },
    { type: "portmap", capabilities: { portMappings: true } },
  ]);
  expect(await host.cni.validateNetworkList(capable)).toEqual(["mac", "portMappings"]);
  const error = await failure(
    host.cni.validateNetworkList(host.list([{ type: "firewall" }, { type: "nothing" }], "0.3.1")),
  );
  expect(error.errors.map(({ plugin, kind }) => [plugin, kind])).toEqual([
    ["firewall", "unsupported"],
    ["nothing", "not-found"],
  ]);
});
