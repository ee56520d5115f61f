import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { convertResult, readResult, supportedVersions, type Result } from "../../src/cni/index.ts";
import { thrown } from "./harness.ts";

const current: Result = {
  cniVersion: "1.1.0",
  interfaces: [
    { name: "br0", mac: "02:00:00:00:00:01", mtu: 1500 },
    {
      name: "eth0",
      mac: "02:00:00:00:00:02",
      sandbox: "/run/netns/x",
      socketPath: "/s",
      pciID: "0000:00:1f.6",
    },
  ],
  ips: [
    { address: "10.0.0.2/24", gateway: "10.0.0.1", interface: 1 },
    { address: "10.0.0.3/24", interface: 1 },
    { address: "fd00::2/64", gateway: "fd00::1", interface: 1 },
  ],
  routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0", gw: "fd00::1" }],
  dns: { nameservers: ["10.0.0.1"] },
};
const middle: Result = {
  cniVersion: "0.4.0",
  interfaces: [
    { name: "br0", mac: "02:00:00:00:00:01" },
    { name: "eth0", mac: "02:00:00:00:00:02", sandbox: "/run/netns/x" },
  ],
  ips: [
    { version: "4", address: "10.0.0.2/24", gateway: "10.0.0.1", interface: 1 },
    { version: "4", address: "10.0.0.3/24", interface: 1 },
    { version: "6", address: "fd00::2/64", gateway: "fd00::1", interface: 1 },
  ],
  routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0", gw: "fd00::1" }],
  dns: { nameservers: ["10.0.0.1"] },
};
const legacy: Result = {
  cniVersion: "0.2.0",
  ip4: { ip: "10.0.0.2/24", gateway: "10.0.0.1", routes: [{ dst: "0.0.0.0/0" }] },
  ip6: { ip: "fd00::2/64", gateway: "fd00::1", routes: [{ dst: "::/0", gw: "fd00::1" }] },
  dns: { nameservers: ["10.0.0.1"] },
};
const fromLegacy = {
  ips: [
    { address: "10.0.0.2/24", gateway: "10.0.0.1" },
    { address: "fd00::2/64", gateway: "fd00::1" },
  ],
  routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0", gw: "fd00::1" }],
  dns: { nameservers: ["10.0.0.1"] },
};

describe("a result is converted", () => {
  test.each([
    ["1.1.0 to 1.0.0: the number alone", current, "1.0.0", { ...current, cniVersion: "1.0.0" }],
    ["0.4.0 to 0.3.1: the number alone", middle, "0.3.1", { ...middle, cniVersion: "0.3.1" }],
    ["0.2.0 to 0.1.0: the number alone", legacy, "0.1.0", { ...legacy, cniVersion: "0.1.0" }],
    ["1.1.0 to 0.4.0: ips have a version, interfaces lose what is new", current, "0.4.0", middle],
    ["1.1.0 to 0.2.0: the first address of each family, with its routes", current, "0.2.0", legacy],
    ["0.4.0 to 0.2.0: the same", middle, "0.2.0", legacy],
    [
      "0.2.0 to 1.0.0: ip4 and ip6 become ips",
      legacy,
      "1.0.0",
      { cniVersion: "1.0.0", ...fromLegacy },
    ],
    [
      "0.2.0 to 0.3.0: and have a version",
      legacy,
      "0.3.0",
      {
        ...fromLegacy,
        cniVersion: "0.3.0",
        ips: [
          { version: "4", address: "10.0.0.2/24", gateway: "10.0.0.1" },
          { version: "6", address: "fd00::2/64", gateway: "fd00::1" },
        ],
      },
    ],
    [
      "0.4.0 to 1.1.0: ips lose their version",
      middle,
      "1.1.0",
      { ...convertResult(current, "0.4.0"), cniVersion: "1.1.0", ips: current.ips },
    ],
    ["to its own version: untouched", current, "1.1.0", current],
    [
      "with an empty dns, which is left out",
      { cniVersion: "0.4.0", dns: {} },
      "1.0.0",
      { cniVersion: "1.0.0" },
    ],
  ])("from %s", (_, from, version, to) => {
    expect(convertResult(from, version)).toEqual(to);
  });

  test.each([
    [
      "no address to 0.2.0",
      { cniVersion: "1.0.0" },
      "0.2.0",
      "cannot convert a result of CNI version 1.0.0 to 0.2.0: it has no IP address",
    ],
    ["to a version that does not exist", current, "1.2.0", 'version "1.2.0" is not known'],
    [
      "from one that does not exist",
      { cniVersion: "0.5.0" },
      "1.0.0",
      'version "0.5.0" is not known',
    ],
  ])("but not %s", (_, from, version, text) => {
    const error = thrown(() => convertResult(from, version));
    expect(error.message).toContain(text);
    expect(error.kind).toBe("unsupported");
  });
});

const ipv4 = fc.ipV4();
const ipv6 = fc
  .tuple(fc.nat(0xffff), fc.nat(0xffff))
  .map(([a, b]) => `fd00:${a.toString(16)}::${b.toString(16)}`);
const cidr4 = fc.tuple(ipv4, fc.nat(32)).map(([ip, length]) => `${ip}/${length}`);
const cidr6 = fc.tuple(ipv6, fc.nat(128)).map(([ip, length]) => `${ip}/${length}`);
const route4 = fc.record({ dst: cidr4, gw: ipv4 }, { requiredKeys: ["dst"] });
const route6 = fc.record({ dst: cidr6, gw: ipv6 }, { requiredKeys: ["dst"] });
const nonEmpty = { minLength: 1, maxLength: 3 };
const dns = fc.record({
  nameservers: fc.array(ipv4, nonEmpty),
  search: fc.array(fc.string(), nonEmpty),
});

const middleResult: fc.Arbitrary<Result> = fc.record(
  {
    cniVersion: fc.constant("0.4.0"),
    interfaces: fc.array(
      fc.record(
        { name: fc.string(), mac: fc.string(), sandbox: fc.string() },
        { requiredKeys: ["name"] },
      ),
    ),
    ips: fc.array(
      fc.oneof(
        fc.record(
          { version: fc.constant("4"), address: cidr4, gateway: ipv4, interface: fc.nat(3) },
          { requiredKeys: ["version", "address"] },
        ),
        fc.record(
          { version: fc.constant("6"), address: cidr6, gateway: ipv6, interface: fc.nat(3) },
          { requiredKeys: ["version", "address"] },
        ),
      ),
    ),
    routes: fc.array(fc.oneof(route4, route6)),
    dns,
  },
  { requiredKeys: ["cniVersion"] },
);

const legacyResult: fc.Arbitrary<Result> = fc.record(
  {
    cniVersion: fc.constant("0.2.0"),
    ip4: fc.record(
      { ip: cidr4, gateway: ipv4, routes: fc.array(route4, nonEmpty) },
      { requiredKeys: ["ip"] },
    ),
    ip6: fc.record(
      { ip: cidr6, gateway: ipv6, routes: fc.array(route6, nonEmpty) },
      { requiredKeys: ["ip"] },
    ),
    dns,
  },
  { requiredKeys: ["cniVersion", "ip4"] },
);

describe("there and back keeps all that the older version can say", () => {
  test.each(["0.3.0", "0.3.1", "1.0.0", "1.1.0"])("for 0.4.0 by way of %s", (version) => {
    fc.assert(
      fc.property(middleResult, (result) => {
        expect(convertResult(convertResult(result, version), "0.4.0")).toEqual(result);
      }),
    );
  });

  test.each(["0.1.0", "0.3.0", "0.4.0", "1.0.0", "1.1.0"])("for 0.2.0 by way of %s", (version) => {
    fc.assert(
      fc.property(legacyResult, (result) => {
        expect(convertResult(convertResult(result, version), "0.2.0")).toEqual(result);
      }),
    );
  });

  test("and what comes out can be read as a result of its version", () => {
    fc.assert(
      fc.property(
        fc.oneof(middleResult, legacyResult),
        fc.constantFrom(...supportedVersions),
        (result, version) => {
          fc.pre(version > "0.2.0" || Boolean(result.ip4) || (result.ips ?? []).length > 0);
          const converted = convertResult(result, version);
          expect(readResult(JSON.parse(JSON.stringify(converted)), "0.1.0")).toEqual(converted);
          expect(converted.cniVersion).toBe(version);
        },
      ),
    );
  });
});
