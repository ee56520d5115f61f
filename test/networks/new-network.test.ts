import { describe, expect, test } from "vitest";
import { parseNetworkList } from "../../src/cni/index.ts";
import { markOf } from "../../src/networks/mark.ts";
import { planNetwork } from "../../src/networks/new-network.ts";
import type { NetworkOptions, NetworkSurroundings } from "../../src/networks/options.ts";

const lan = parseNetworkList(
  JSON.stringify({
    cniVersion: "1.0.0",
    name: "lan",
    plugins: [
      {
        type: "bridge",
        bridge: "br-lan",
        ipam: { type: "host-local", ranges: [[{ subnet: "10.64.0.0/16" }]] },
      },
    ],
  }),
);

const around: NetworkSurroundings = {
  networks: [lan],
  routes: ["10.65.0.0/16", "192.168.7.0/24"],
  links: ["lo", "ens3", "ens4", "br0", "cni-taken"],
  bridges: ["br0"],
  uplink: { ifname: "ens3", mtu: 1500 },
  now: "2026-01-31T12:00:00.000Z",
};

const NOTHING: NetworkOptions = {
  name: "web",
  plugins: [],
  subnets: [],
  gateways: [],
  ipRanges: [],
  ipv6: false,
  internal: false,
  labels: [],
};

function plan(options: Partial<NetworkOptions>, more: Partial<NetworkSurroundings> = {}) {
  return planNetwork({ ...NOTHING, ...options }, { ...around, ...more });
}

const portmap = { type: "portmap", capabilities: { portMappings: true } };
const firewall = { type: "firewall" };
const both = { ips: true, mac: true };
const v4 = { dst: "0.0.0.0/0" };
const v6 = { dst: "::/0" };

function hostLocal(ranges: object[][], routes: object[] = [v4]) {
  return { type: "host-local", ranges, routes };
}

test("the file of a network is JSON with what it is made of, and when", () => {
  expect(plan({ labels: ["team=a=b", "plain"] }).raw).toBe(`{
  "cniVersion": "1.0.0",
  "name": "web",
  "dockerCni": {
    "created": "2026-01-31T12:00:00.000Z",
    "labels": {
      "team": "a=b",
      "plain": ""
    },
    "bridge": "cni-web"
  },
  "plugins": [
    {
      "type": "bridge",
      "bridge": "cni-web",
      "isGateway": true,
      "ipMasq": true,
      "hairpinMode": true,
      "capabilities": {
        "ips": true,
        "mac": true
      },
      "ipam": {
        "type": "host-local",
        "ranges": [
          [
            {
              "subnet": "10.66.0.0/20"
            }
          ]
        ],
        "routes": [
          {
            "dst": "0.0.0.0/0"
          }
        ]
      }
    },
    {
      "type": "portmap",
      "capabilities": {
        "portMappings": true
      }
    },
    {
      "type": "firewall"
    }
  ]
}
`);
});

test("CHECK is left out for a bridge without an address, whose MAC changes with its ports", () => {
  expect(plan({ internal: true }).disableCheck).toBe(true);
  expect(plan({}).disableCheck).toBe(false);
});

describe("the plugins", () => {
  const bridge = {
    type: "bridge",
    bridge: "cni-web",
    isGateway: true,
    ipMasq: true,
    hairpinMode: true,
    capabilities: both,
    ipam: hostLocal([[{ subnet: "10.66.0.0/20" }]]),
  };
  const subnets = ["192.168.7.0/24"];
  const cases: [string, Partial<NetworkOptions>, object[]][] = [
    ["of a bridge with a free subnet", {}, [bridge, portmap, firewall]],
    [
      "of a bridge with IPv6",
      { ipv6: true },
      [
        {
          ...bridge,
          ipam: hostLocal(
            [[{ subnet: "10.66.0.0/20" }], [{ subnet: "fd5e:7c0a:4000::/64" }]],
            [v4, v6],
          ),
        },
        portmap,
        firewall,
      ],
    ],
    [
      "of a bridge with subnets, gateway and ranges of its own",
      {
        subnets: ["10.9.0.0/24", "fd09::/64"],
        gateways: ["10.9.0.254", "fd09::fe"],
        ipRanges: ["10.9.0.0/25", "fd09::10-fd09::1f"],
      },
      [
        {
          ...bridge,
          ipam: hostLocal(
            [
              [
                {
                  rangeStart: "10.9.0.1",
                  rangeEnd: "10.9.0.127",
                  subnet: "10.9.0.0/24",
                  gateway: "10.9.0.254",
                },
              ],
              [
                {
                  rangeStart: "fd09::10",
                  rangeEnd: "fd09::1f",
                  subnet: "fd09::/64",
                  gateway: "fd09::fe",
                },
              ],
            ],
            [v4, v6],
          ),
        },
        portmap,
        firewall,
      ],
    ],
    [
      "of a bridge that leads nowhere",
      { internal: true, subnets: ["10.9.0.0/24", "10.9.1.0/24"] },
      [
        {
          ...bridge,
          isGateway: false,
          ipMasq: false,
          ipam: {
            type: "host-local",
            ranges: [[{ subnet: "10.9.0.0/24" }, { subnet: "10.9.1.0/24" }]],
          },
        },
        firewall,
      ],
    ],
    [
      "of a bridge that is there, with an MTU",
      { parent: "br0", mtu: 1400 },
      [
        {
          type: "bridge",
          bridge: "br0",
          isGateway: true,
          ipMasq: true,
          hairpinMode: true,
          mtu: 1400,
          capabilities: both,
          ipam: bridge.ipam,
        },
        portmap,
        firewall,
      ],
    ],
    [
      "with keys that are told",
      { plugins: ["bridge,vlan=5,ipam.dataDir=/srv/x", "firewall,ingressPolicy=same-bridge"] },
      [
        { ...bridge, vlan: 5, ipam: { ...bridge.ipam, dataDir: "/srv/x" } },
        portmap,
        { ...firewall, ingressPolicy: "same-bridge" },
      ],
    ],
    [
      "with a further one behind",
      { plugins: ["tuning,sysctl={}"] },
      [bridge, portmap, firewall, { type: "tuning", sysctl: {} }],
    ],
    [
      "of macvlan on the uplink",
      { driver: "macvlan", subnets },
      [
        {
          type: "macvlan",
          master: "ens3",
          mode: "bridge",
          capabilities: both,
          ipam: hostLocal([[{ subnet: "192.168.7.0/24" }]]),
        },
      ],
    ],
    [
      "of macvlan whose addresses a DHCP server gives",
      { driver: "macvlan", parent: "ens4", plugins: ["macvlan,ipam.type=dhcp"] },
      [
        {
          type: "macvlan",
          master: "ens4",
          mode: "bridge",
          capabilities: both,
          ipam: { type: "dhcp" },
        },
      ],
    ],
    [
      "of ptp",
      { driver: "ptp" },
      [
        { type: "ptp", ipMasq: true, capabilities: { ips: true }, ipam: bridge.ipam },
        portmap,
        firewall,
      ],
    ],
    [
      "of host-device without addresses",
      { driver: "host-device", parent: "ens4" },
      [{ type: "host-device", device: "ens4" }],
    ],
    [
      "of any other plugin",
      { plugins: ["ovs,bridge=br-int", "portmap"], subnets: ["10.9.0.0/24"] },
      [
        { type: "ovs", ipam: hostLocal([[{ subnet: "10.9.0.0/24" }]]), bridge: "br-int" },
        { type: "portmap" },
      ],
    ],
  ];

  test.each(cases)("%s", (_, options, plugins) => {
    expect(JSON.parse(plan(options).raw)).toMatchObject({ plugins });
    expect(plan(options).plugins).toEqual(plugins);
  });

  test.each([
    ["the uplink's where that is smaller", 1400, {}, 1400],
    ["the uplink's where that is larger", 9000, {}, 9000],
    ["left out where it is the usual one", 1500, {}, undefined],
    ["what is told in any case", 9000, { mtu: 1500 }, 1500],
    ["the parent's own on macvlan", 1400, { driver: "macvlan", subnets }, undefined],
  ])("have an MTU that is %s", (_, uplink, options, mtu) => {
    const list = plan(options, { uplink: { ifname: "ens3", mtu: uplink } });
    expect(list.plugins[0]?.["mtu"]).toBe(mtu);
  });

  test.each([
    ["cni-NAME", "a-b_c", /^cni-a-b_c$/],
    ["by a hash for a long name", "a-long-network-name", /^cni-[0-9a-f]{11}$/],
    ["by a hash for a name with a dot", "a.b", /^cni-[0-9a-f]{11}$/],
  ])("have a bridge that is called %s", (_, name, pattern) => {
    const { raw, plugins } = plan({ name });
    expect(plugins[0]?.["bridge"]).toMatch(pattern);
    expect(markOf({ raw })?.bridge).toBe(plugins[0]?.["bridge"]);
  });

  test.each([
    ["that was there before", { parent: "br0" }],
    ["that another network has", { parent: "br-lan" }],
    ["that was there, told by --plugin", { plugins: ["bridge,bridge=br0"] }],
  ])("never own a bridge %s", (_, options) => {
    expect(markOf(plan(options))).toEqual({ created: around.now });
  });
});

describe("a network is refused", () => {
  const refusals: [string, Partial<NetworkOptions>, string][] = [
    ["with a path for a name", { name: "../x" }, 'the network name "../x": CNI does not allow it'],
    ["with a name that is too long", { name: "x".repeat(201) }, "CNI does not allow it"],
    ["with the word for no network", { name: "none" }, "it means no network"],
    ["with a name that there is", { name: "lan" }, "the network lan exists already"],
    ["whose bridge's name is taken", { name: "taken" }, "the host has an interface cni-taken"],
    ["of a plugin that is a path", { driver: "../sh" }, "no plugin is called so"],
    ["of another plugin that is a path", { plugins: ["/bin/sh"] }, 'no plugin is called "/bin/sh"'],
    ["with a key of the language", { plugins: ["x,__proto__.a=1"] }, "is no key to set"],
    ["with another type", { plugins: ["bridge,type=x"] }, '"type" is no key to set'],
    ["with a key that CNI reads otherwise", { plugins: ["bridge,capabilities=1"] }, "capabilities"],
    ["with what is no subnet", { subnets: ["10.9.0.0"] }, "it is no subnet"],
    ["with an address inside a subnet", { subnets: ["10.9.0.1/24"] }, "not the first one"],
    ["with a subnet for nobody", { subnets: ["10.9.0.0/31"] }, "it has no room"],
    [
      "with two subnets that overlap",
      { subnets: ["10.9.0.0/24", "10.9.0.128/25"], internal: true },
      "it overlaps 10.9.0.0/24",
    ],
    [
      "with two gateways of IPv4",
      { subnets: ["10.8.0.0/24", "10.9.0.0/24"] },
      "one subnet of IPv4",
    ],
    [
      "with a gateway elsewhere",
      { subnets: ["10.9.0.0/24"], gateways: ["10.8.0.1"] },
      "it is in no subnet of the network (10.9.0.0/24)",
    ],
    [
      "with the broadcast address as gateway",
      { subnets: ["10.9.0.0/24"], gateways: ["10.9.0.255"] },
      "it is in no subnet",
    ],
    ["with a gateway that is none", { gateways: ["10.9.0.1/24"] }, "it is no address"],
    [
      "with a range elsewhere",
      { subnets: ["10.9.0.0/24"], ipRanges: ["10.9.0.0/16"] },
      "it is in no subnet",
    ],
    ["with a range that is none", { ipRanges: ["a-b"] }, "it is no range"],
    [
      "with a range of nobody",
      { subnets: ["10.9.0.0/24"], ipRanges: ["10.9.0.255"] },
      "it has no address to give",
    ],
    ["with an MTU that is none", { mtu: 67 }, "--mtu 67: it is no size of a packet"],
    ["with an MTU of host-device", { driver: "host-device", parent: "ens4", mtu: 1400 }, "--mtu"],
    ["with a parent of ptp", { driver: "ptp", parent: "ens4" }, "ptp has none"],
    [
      "with a parent that is none",
      { driver: "macvlan", parent: "a/b" },
      "no interface is called so",
    ],
    ["with a parent that is not there", { driver: "macvlan", parent: "x0" }, "no such interface"],
    ["of a bridge that is none", { parent: "ens4" }, "it is no bridge"],
    ["of host-device without a parent", { driver: "host-device" }, "it needs an interface"],
    ["of macvlan without a subnet", { driver: "macvlan" }, "it needs a subnet"],
    [
      "of macvlan without a subnet of IPv6",
      { driver: "macvlan", subnets: ["192.168.7.0/24"], ipv6: true },
      "macvlan needs its subnet",
    ],
    [
      "of ptp that leads nowhere",
      { driver: "ptp", internal: true },
      "ptp always leads to the host",
    ],
    [
      "with a subnet for another's IPAM",
      { plugins: ["bridge,ipam.type=dhcp"], subnets: ["10.9.0.0/24"] },
      "that IPAM gives the addresses",
    ],
    ["with a label without a key", { labels: ["=x"] }, "it has no key"],
    ["with a bridge of no name", { plugins: ["bridge,bridge=a/b"] }, "no interface is called so"],
  ];

  test.each(refusals)("%s", (_, options, message) => {
    expect(() => plan(options)).toThrow(message);
  });

  test("where no subnet is free", () => {
    expect(() => plan({}, { routes: ["10.0.0.0/8"] })).toThrow("no subnet is free");
  });

  test("on an uplink that there is not", () => {
    const options = { driver: "macvlan", subnets: ["192.168.7.0/24"] };
    expect(() => plan(options, { uplink: undefined })).toThrow("it needs an interface");
  });
});
