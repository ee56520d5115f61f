import { describe, expect, test } from "vitest";
import { containerAddresses, readResult } from "../../src/cni/index.ts";
import { thrown } from "./harness.ts";

describe("a result", () => {
  test("keeps what the specification does not know and drops null", () => {
    const value = {
      cniVersion: "1.0.0",
      own: { a: 1 },
      ips: null,
      interfaces: [{ name: "eth0", mac: null, x: 1 }],
    };
    expect(readResult(value, "0.4.0")).toEqual({
      cniVersion: "1.0.0",
      own: { a: 1 },
      interfaces: [{ name: "eth0", x: 1 }],
    });
  });

  test.each([
    [
      "a version that is a number",
      { cniVersion: 1 },
      "its cniVersion has to be a string and is a number",
    ],
    [
      "an interface without name",
      { interfaces: [{}] },
      "interfaces[0].name has to be a string and is missing",
    ],
    [
      "an interface that is null",
      { interfaces: [null] },
      "interfaces[0] has to be an object and is null",
    ],
    [
      "an index that is a string",
      { ips: [{ address: "10.0.0.2/8", interface: "0" }] },
      'ips[0].interface has to be a whole number and is "0"',
    ],
    [
      "an IPv4 prefix of 33",
      { ips: [{ address: "10.0.0.2/33" }] },
      'ips[0].address is "10.0.0.2/33"',
    ],
    [
      "an IPv6 prefix of 129",
      { ips: [{ address: "fd00::1/129" }] },
      'ips[0].address is "fd00::1/129"',
    ],
    ["an address with a zone", { ips: [{ address: "fe80::1%eth0/64" }] }, "which is no address"],
    ["an address of three numbers", { ips: [{ address: "10.0.2/24" }] }, "which is no address"],
    ["no address", { ips: [{}] }, 'ips[0].address is ""'],
    [
      "a nameserver that is a number",
      { dns: { nameservers: [1] } },
      "dns.nameservers[0] has to be a string and is a number",
    ],
    ["a route without dst", { routes: [{ gw: "10.0.0.1" }] }, 'routes[0].dst is ""'],
    ["a legacy address that is none", { cniVersion: "0.2.0", ip4: { ip: "x" } }, 'ip4.ip is "x"'],
    [
      "a legacy route that is none",
      { cniVersion: "0.2.0", ip6: { ip: "fd00::2/64", routes: [{ dst: "x" }] } },
      'ip6.routes[0].dst is "x"',
    ],
  ])("is not read from %s", (_, value, text) => {
    const error = thrown(() => readResult(value, "1.0.0"));
    expect(error.message).toContain(text);
    expect(error.kind).toBe("bad-output");
  });
});

describe("the container's addresses", () => {
  const host = { name: "veth1", mac: "02:00:00:00:00:01" };
  const own = { name: "eth0", mac: "02:00:00:00:00:02", sandbox: "/run/netns/x" };
  const none = { ips: [], gateways: [], routes: [] };

  test.each([
    [
      "those on an interface in the sandbox, not those of the host",
      {
        interfaces: [host, own],
        ips: [
          { address: "10.0.0.1/24", interface: 0 },
          { address: "10.0.0.2/24", interface: 1, gateway: "10.0.0.1" },
          { address: "fd00::2/64", interface: 1, gateway: "fd00::1" },
        ],
      },
      {
        ips: ["10.0.0.2/24", "fd00::2/64"],
        gateways: ["10.0.0.1", "fd00::1"],
        mac: own.mac,
        ifName: "eth0",
        routes: [],
      },
    ],
    [
      "those without an index",
      { interfaces: [host, own], ips: [{ address: "10.0.0.2/24" }] },
      { ...none, ips: ["10.0.0.2/24"], mac: own.mac, ifName: "eth0" },
    ],
    [
      "those whose index points nowhere",
      { ips: [{ address: "10.0.0.2/24", interface: 7 }] },
      { ...none, ips: ["10.0.0.2/24"] },
    ],
    [
      "those of a negative index",
      { interfaces: [host], ips: [{ address: "10.0.0.2/24", interface: -1 }] },
      { ...none, ips: ["10.0.0.2/24"] },
    ],
    [
      "none, but the MAC, on layer 2",
      { interfaces: [own] },
      { ...none, mac: own.mac, ifName: "eth0" },
    ],
    [
      "a gateway once, and no empty one",
      {
        ips: [
          { address: "10.0.0.2/24", gateway: "10.0.0.1" },
          { address: "10.0.0.3/24", gateway: "10.0.0.1" },
          { address: "10.0.0.4/24", gateway: "" },
        ],
      },
      { ...none, ips: ["10.0.0.2/24", "10.0.0.3/24", "10.0.0.4/24"], gateways: ["10.0.0.1"] },
    ],
    [
      "ip4 and ip6 of an old result",
      {
        cniVersion: "0.2.0",
        ip4: { ip: "10.0.0.2/24", gateway: "10.0.0.1", routes: [{ dst: "0.0.0.0/0" }] },
        ip6: { ip: "fd00::2/64" },
        dns: { nameservers: ["10.0.0.1"] },
      },
      {
        ips: ["10.0.0.2/24", "fd00::2/64"],
        gateways: ["10.0.0.1"],
        routes: [{ dst: "0.0.0.0/0" }],
        dns: { nameservers: ["10.0.0.1"] },
      },
    ],
  ])("are %s", (_, value, expected) => {
    expect(containerAddresses(readResult(value, "1.0.0"))).toEqual(expected);
  });
});

describe("where no interface has a sandbox, the container's is the one that ADD was to make", () => {
  const host = { name: "veth1", mac: "02:00:00:00:00:01" };
  const own = { name: "eth0", mac: "02:00:00:00:00:02" };
  const ips = [
    { address: "10.0.0.1/24", interface: 0 },
    { address: "10.0.0.2/24", interface: 1 },
  ];
  const found = { ips: ["10.0.0.2/24"], gateways: [], mac: own.mac, ifName: "eth0", routes: [] };

  test.each([
    ["by the index of its addresses", { interfaces: [host, { ...own, sandbox: "" }], ips }, found],
    [
      "for addresses without an index",
      { interfaces: [host, own], ips: [{ address: "10.0.0.2/24" }] },
      found,
    ],
    [
      "but not where another of the same name has one",
      { interfaces: [own, { name: "eth0", sandbox: "/run/netns/c1" }], ips },
      { ips: ["10.0.0.2/24"], gateways: [], ifName: "eth0", routes: [] },
    ],
  ])("%s", (_, value, expected) => {
    expect(containerAddresses(readResult(value, "1.0.0"), "eth0")).toEqual(expected);
  });
});
