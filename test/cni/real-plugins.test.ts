import { describe, expect, test } from "vitest";
import { containerAddresses, type NetworkList, type RuntimeConf } from "../../src/cni/index.ts";
import { failure } from "./harness.ts";
import { bridge, testHost, type TestHost } from "./host.ts";

const mac = "02:00:00:00:02:01";
const portMappings = [{ hostPort: 18080, containerPort: 80, protocol: "tcp" }];

function twoFamilies(host: TestHost): Record<string, unknown> {
  const ranges = [[{ subnet: "10.201.1.0/24" }], [{ subnet: "fd00:201::/64" }]];
  return { ...host.hostLocal(), ranges };
}

function staticIpam(address: string, gateway?: string): Record<string, unknown> {
  return { type: "static", addresses: [{ address, ...(gateway && { gateway }) }] };
}

/** A pair of interfaces on the host for plugins that need one. */
function addUplink(host: TestHost): void {
  host.ip("link", "add", "tcup0", "type", "veth", "peer", "name", "tcup1");
  host.ip("link", "set", "tcup0", "up");
  host.ip("link", "set", "tcup1", "up");
}

interface Row {
  name: string;
  plugins: (host: TestHost) => Record<string, unknown>[];
  prepare?: (host: TestHost) => void;
  rt?: Partial<RuntimeConf>;
  /** Interfaces that stay on the host after DEL. */
  left: string[];
  ips: string[];
  /** Why the plugins of release 1.1.1 cannot do one of the steps. */
  cannot?: { check?: string; delAgain?: string };
}

const rows: Row[] = [
  {
    name: "bridge with host-local",
    plugins: (host) => [bridge(host)],
    left: ["tcbr0"],
    ips: ["10.201.0.2/24"],
  },
  {
    name: "bridge with two families",
    plugins: (host) => [bridge(host, { ipam: twoFamilies(host) })],
    left: ["tcbr0"],
    ips: ["10.201.1.2/24", "fd00:201::2/64"],
  },
  {
    name: "ptp with static",
    plugins: () => [{ type: "ptp", ipMasq: true, ipam: staticIpam("10.201.2.9/24", "10.201.2.1") }],
    left: [],
    ips: ["10.201.2.9/24"],
  },
  {
    name: "macvlan",
    plugins: (host) => [
      { type: "macvlan", master: "tcup0", ipam: host.hostLocal("10.201.3.0/24") },
    ],
    prepare: addUplink,
    left: ["tcup0", "tcup1"],
    ips: ["10.201.3.2/24"],
  },
  {
    name: "host-device",
    plugins: () => [{ type: "host-device", device: "tcup0", ipam: staticIpam("10.201.4.2/24") }],
    prepare: addUplink,
    left: ["tcup0", "tcup1"],
    ips: ["10.201.4.2/24"],
    cannot: { delAgain: "it insists on the device that it has given back" },
  },
  {
    name: "bridge, tuning, firewall and bandwidth in a chain",
    plugins: (host) => [
      bridge(host),
      { type: "tuning", capabilities: { mac: true }, sysctl: { "net.core.somaxconn": "500" } },
      { type: "firewall", backend: "iptables" },
      {
        type: "bandwidth",
        ingressRate: 1_000_000,
        ingressBurst: 1_000_000,
        egressRate: 1_000_000,
        egressBurst: 1_000_000,
      },
    ],
    rt: { capabilityArgs: { mac } },
    left: ["tcbr0"],
    ips: ["10.201.0.2/24"],
  },
  {
    name: "bridge with two families and portmap in a chain",
    plugins: (host) => [
      bridge(host, { ipam: twoFamilies(host) }),
      { type: "portmap", capabilities: { portMappings: true } },
    ],
    rt: { capabilityArgs: { portMappings } },
    left: ["tcbr0"],
    ips: ["10.201.1.2/24", "fd00:201::2/64"],
    cannot: { check: "portmap looks for the IPv4 rules in ip6tables too" },
  },
  {
    name: "ptp and sbr in a chain",
    plugins: (host) => [
      { type: "ptp", ipam: { ...host.hostLocal("10.201.5.0/24"), routes: [{ dst: "0.0.0.0/0" }] } },
      { type: "sbr" },
    ],
    left: [],
    ips: ["10.201.5.2/24"],
    cannot: {
      check: "sbr moves the routes to where ptp does not look for them",
      delAgain: "sbr insists on the interface",
    },
  },
];

async function checkBeforeAndAfterDamage(
  host: TestHost,
  list: NetworkList,
  rt: RuntimeConf,
): Promise<string> {
  await host.cni.checkNetworkList(list, rt);
  const { ips } = host.addresses("eth0");
  host.ipInContainer("addr", "flush", "dev", "eth0");
  const error = await failure(host.cni.checkNetworkList(list, rt));
  // bridge and ptp take from the interface which masquerade rules there are to be deleted.
  for (const ip of ips) host.ipInContainer("addr", "add", ip, "dev", "eth0");
  return error.kind === "plugin" ? `${error.command} failed` : error.message;
}

describe("the reference plugins", () => {
  test.each(rows)(
    "$name: ADD, CHECK, CHECK after damage, DEL, DEL again",
    async ({ plugins, prepare, rt: own, left, ips, cannot = {} }) => {
      const host = testHost();
      prepare?.(host);
      const list = host.list(plugins(host));
      const rt: RuntimeConf = { containerId: "c1", netns: host.netns, ifName: "eth0", ...own };

      const addresses = containerAddresses(await host.cni.addNetworkList(list, rt));
      const real = host.addresses("eth0");
      expect(addresses.ips).toEqual(ips);
      expect(real.ips.toSorted()).toEqual(ips);
      // macvlan of 1.1.1 reports none.
      expect([real.mac, undefined]).toContain(addresses.mac);

      const damaged = cannot.check ?? (await checkBeforeAndAfterDamage(host, list, rt));
      expect(damaged).toBe(cannot.check ?? "CHECK failed");

      await host.cni.delNetworkList(list, rt);
      if (!cannot.delAgain) await host.cni.delNetworkList(list, rt);
      expect(host.links().toSorted()).toEqual(left);
      expect(host.leases()).toEqual([]);
      expect(host.iptables()).not.toMatch(/10\.201\.|fd00:201:/);
      expect(host.cni.cachedAttachments()).toEqual([]);
    },
  );

  test("CHECK fails when the interface was removed by hand", async () => {
    const host = testHost();
    const list = host.list([bridge(host)]);
    const rt = { containerId: "c1", netns: host.netns, ifName: "eth0" };
    await host.cni.addNetworkList(list, rt);
    host.ipInContainer("link", "del", "eth0");

    const error = await failure(host.cni.checkNetworkList(list, rt));
    expect(error.message).toMatch(/^plugin type="bridge" name="lan" failed \(check\): .*eth0/);
    await host.cni.delNetworkList(list, rt);
    expect(host.leases()).toEqual([]);
  });

  test("loopback is brought up", async () => {
    const host = testHost();
    const list = host.list([{ type: "loopback" }]);
    const rt = { containerId: "c1", netns: host.netns, ifName: "lo" };
    await host.cni.addNetworkList(list, rt);
    expect(host.addresses("lo").ips).toEqual(["127.0.0.1/8", "::1/128"]);
    await host.cni.checkNetworkList(list, rt);
    await host.cni.delNetworkList(list, rt);
    expect((await failure(host.cni.checkNetworkList(list, rt))).kind).toBe("cache");
  });

  test.each(["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0"])(
    "bridge and tuning speak %s",
    async (cniVersion) => {
      const host = testHost();
      const list = host.list([bridge(host), { type: "tuning" }], cniVersion);
      const rt = { containerId: "c1", netns: host.netns, ifName: "eth0" };
      const result = await host.cni.addNetworkList(list, rt);
      expect(result.cniVersion).toBe(cniVersion);
      expect(containerAddresses(result).ips).toEqual(["10.201.0.2/24"]);
      await host.cni.delNetworkList(list, rt);
      expect(host.links()).toEqual(["tcbr0"]);
      expect(host.leases()).toEqual([]);
    },
  );
});
