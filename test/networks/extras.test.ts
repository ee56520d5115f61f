import { describe, expect, test } from "vitest";
import { planNetwork } from "../../src/networks/new-network.ts";
import type { NetworkOptions, NetworkSurroundings } from "../../src/networks/options.ts";
import { isReachable } from "../../src/networks/host-access.ts";
import { leftNftRules } from "../../src/networks/left-nft-rules.ts";
import { markOf } from "../../src/networks/mark.ts";

const around: NetworkSurroundings = {
  networks: [],
  routes: ["192.168.7.0/24"],
  links: ["lo", "ens3", "br0"],
  bridges: ["br0"],
  uplink: { ifname: "ens3", mtu: 1500 },
  now: "2026-01-31T12:00:00.000Z",
};

function plan(options: Partial<NetworkOptions>, more: Partial<NetworkSurroundings> = {}) {
  const nothing = { plugins: [], subnets: [], gateways: [], ipRanges: [], labels: [] };
  const all = { name: "web", ipv6: false, internal: false, ...nothing, ...options };
  return planNetwork(all, { ...around, ...more });
}

const nft = { firewall: "nftables" } as const;
const macvlan = { driver: "macvlan", subnets: ["192.168.7.0/24"] };

describe("the plugins of a network", () => {
  test.each<[string, Partial<NetworkOptions>, Partial<NetworkSurroundings>, object[]]>([
    [
      "with nftables has the backends, and no plugin that has none",
      {},
      nft,
      [
        { type: "bridge", ipMasqBackend: "nftables" },
        { type: "portmap", backend: "nftables" },
      ],
    ],
    [
      "of ptp with nftables",
      { driver: "ptp" },
      nft,
      [
        { type: "ptp", ipMasqBackend: "nftables" },
        { type: "portmap", backend: "nftables" },
      ],
    ],
    [
      "isolated from all others",
      { isolate: true },
      {},
      [{ type: "bridge" }, { type: "portmap" }, { type: "firewall", ingressPolicy: "isolated" }],
    ],
    [
      "isolated as far as an older plugin can",
      { isolate: true },
      { isolates: "from isolated" },
      [{ type: "bridge" }, { type: "portmap" }, { type: "firewall", ingressPolicy: "same-bridge" }],
    ],
    [
      "internal is isolated by itself",
      { isolate: true, internal: true },
      {},
      [{ type: "bridge" }, { type: "firewall" }],
    ],
    [
      "with limits",
      { bandwidth: { ingressRate: 8_000_000, ingressBurst: 1_200_000 } },
      {},
      [
        { type: "bridge" },
        { type: "portmap" },
        { type: "firewall" },
        {
          type: "bandwidth",
          capabilities: { bandwidth: true },
          ingressRate: 8_000_000,
          ingressBurst: 1_200_000,
        },
      ],
    ],
    [
      "with name servers",
      { ...macvlan, dns: ["10.0.0.53", "fd00::53"], dnsSearch: ["example.com"] },
      {},
      [
        {
          type: "macvlan",
          dns: { nameservers: ["10.0.0.53", "fd00::53"], search: ["example.com"] },
        },
      ],
    ],
    [
      "on a VLAN of a bridge",
      { parent: "br0", vlan: 5 },
      {},
      [{ type: "bridge", vlan: 5 }, {}, {}],
    ],
    [
      "on a VLAN of an interface",
      { driver: "vlan", parent: "ens3", vlan: 5, subnets: ["10.5.0.0/24"] },
      {},
      [{ type: "vlan", master: "ens3", vlanId: 5 }],
    ],
    [
      "with addresses of a server",
      { driver: "macvlan", dhcp: true },
      {},
      [{ type: "macvlan", ipam: { type: "dhcp", daemonSocketPath: "/run/cni/dhcp.sock" } }],
    ],
  ])("%s", (_, options, more, plugins) => {
    expect(plan(options, more).plugins).toMatchObject(plugins);
  });
});

describe("what cannot be is refused:", () => {
  test.each<[Partial<NetworkOptions>, Partial<NetworkSurroundings>, string]>([
    [{ isolate: true }, nft, "has no nftables"],
    [{ isolate: true }, { isolates: "no" }, "no ingressPolicy"],
    [{ ...macvlan, isolate: true }, {}, "macvlan cannot"],
    [{ ...macvlan, bandwidth: { ingressRate: 1 } }, {}, "no end on the host"],
    [{ dns: ["dns.example.com"] }, {}, "it is no address"],
    [{ dns: ["10.0.0.53/24"] }, {}, "it is no address"],
    [{ dnsSearch: ["a b"] }, {}, "it is no domain"],
    [{ vlan: 4095 }, {}, "it is no VLAN"],
    [{ ...macvlan, vlan: 5 }, {}, "macvlan knows none"],
    [{ dhcp: true }, {}, "no server on a bridge of its own"],
    [{ dhcp: true, driver: "ptp" }, {}, "no server hears"],
    [{ ...macvlan, dhcp: true }, {}, "the server gives the addresses"],
    [{ hostAccess: true }, {}, "bridge needs none"],
    [{ ...macvlan, hostAccess: true }, {}, "which addresses are the containers'"],
    [
      { ...macvlan, ipRanges: ["192.168.7.64/26"], hostAccess: true },
      { links: ["ens3", "cnih-web"] },
      "has an interface cnih-web",
    ],
  ])("%j", (options, more, message) => {
    expect(() => plan(options, more)).toThrow(message);
  });
});

test("the host's access to macvlan leads to what containers are given, and nowhere else", () => {
  const list = plan({ ...macvlan, ipRanges: ["192.168.7.65-192.168.7.72"], hostAccess: true });
  const access = markOf(list)?.hostAccess;
  const routes = ["192.168.7.65/32", "192.168.7.66/31", "192.168.7.68/30", "192.168.7.72/32"];
  expect(access).toEqual({ ifname: "cnih-web", parent: "ens3", routes });
  const present = ["192.168.7.65", "192.168.7.66/31", "192.168.7.68/30", "192.168.7.72"];
  expect(
    access &&
      isReachable(
        access,
        present.map((dst) => ({ dst })),
      ),
  ).toBe(true);
  expect(access && isReachable(access, [{ dst: "192.168.7.65" }])).toBe(false);
});

test("a file that was edited puts nothing strange into a command", () => {
  const text = '"hostAccess":{"ifname":"-x","parent":"ens3","routes":["192.168.7.64/26"]}';
  expect(markOf({ raw: `{"dockerCni":{"created":"",${text}}}` })?.hostAccess).toBeUndefined();
});

const rule = (handle: number, table: string, more: object) => ({
  rule: { family: "inet", table, chain: "c", handle, ...more },
});
const masq = (net: string) => ({ comment: `a-b, net: ${net}, if: eth0, id: c1`, expr: [] });
const dnat = (addr: string) => ({ comment: "c1", expr: [{ dnat: { addr, port: 80 } }] });

test("rules of nftables with the network's name or addresses go, and those of others stay", () => {
  const ruleset = JSON.stringify({
    nftables: [
      { metainfo: {} },
      rule(1, "cni_plugins_masquerade", masq("web")),
      rule(2, "cni_plugins_masquerade", masq("web2")),
      rule(3, "cni_hostport", dnat("10.9.0.7")),
      rule(4, "cni_hostport", dnat("10.8.0.7")),
      rule(5, "mine", dnat("10.9.0.7")),
    ],
  });
  const handles = (subnets: string[]) =>
    leftNftRules(ruleset, { network: "web", subnets }).map((argv) => argv.at(-1));
  expect(handles(["10.9.0.0/24"])).toEqual(["1", "3"]);
  expect(handles([])).toEqual(["1"]);
  expect(leftNftRules("", { network: "web", subnets: [] })).toEqual([]);
});
