import { describe, expect, test } from "vitest";
import { readLeases } from "../../src/ipam/leases.ts";
import { poolsOf, subnetsOf } from "../../src/ipam/pools.ts";
import { overlaps, rangeOf, sizeOf } from "../../src/lib/ip-range.ts";

const network = (ipam: object) => ({ name: "lan", plugins: [{ type: "bridge", ipam }] });
const local = (ipam: object) => network({ type: "host-local", ...ipam });

describe("a pool of host-local", () => {
  test.each([
    ["a subnet, without network, gateway and broadcast address", { subnet: "10.1.0.0/24" }, 253n],
    ["a subnet of IPv6, which has no broadcast address", { subnet: "fd00::/120" }, 254n],
    [
      "the part of it that is named",
      { subnet: "10.1.0.0/24", rangeStart: "10.1.0.10", rangeEnd: "10.1.0.19" },
      10n,
    ],
    ["a gateway of one's own", { subnet: "10.1.0.0/24", gateway: "10.1.0.254" }, 253n],
    ["a range in a list", { ranges: [[{ subnet: "10.1.0.0/30" }]] }, 1n],
  ])("has the addresses of %s", (_, ipam, size) => {
    expect(poolsOf(local(ipam)).map((pool) => pool.size)).toEqual([size]);
  });

  test("is none where another IPAM gives addresses, or the subnet is none", () => {
    expect(poolsOf(network({ type: "dhcp" }))).toEqual([]);
    expect(poolsOf(local({ subnet: "nonsense" }))).toEqual([]);
    expect(poolsOf(local({ ranges: "nonsense" }))).toEqual([]);
  });

  test("has its leases in files that are named by their addresses", () => {
    const files: Record<string, string> = {
      "10.1.0.2": "abc\r\neth0",
      fd00__2: "def",
      last_reserved_ip_0: "10.1.0.2",
      lock: "",
    };
    const pools = poolsOf(local({ subnet: "10.1.0.0/24", dataDir: "/d" }));
    const leases = readLeases(
      { list: () => Object.keys(files), read: (path) => files[path.replace("/d/lan/", "")] },
      pools,
    );
    expect(leases.map(({ address, containerId }) => [address, containerId])).toEqual([
      ["10.1.0.2", "abc"],
      ["fd00::2", "def"],
    ]);
  });
});

test("the subnets of a network are those that its file names, of whichever IPAM", () => {
  expect(
    subnetsOf(network({ type: "static", addresses: [{ address: "10.1.0.5/24" }, {}] })),
  ).toEqual(["10.1.0.5/24"]);
  expect(subnetsOf(local({ ranges: [[{ subnet: "10.1.0.0/24" }], [{ subnet: "x" }]] }))).toEqual([
    "10.1.0.0/24",
  ]);
});

test.each([
  ["10.1.0.0/16", "10.1.2.0/24", true],
  ["10.1.0.0/24", "10.1.1.0/24", false],
  ["0.0.0.0/0", "fd00::/8", false],
  ["fd00::/16", "fd00:1::/32", true],
])("%s and %s overlap: %j", (one, other, expected) => {
  const [a, b] = [rangeOf(one), rangeOf(other)];
  expect(a && b && overlaps(a, b)).toBe(expected);
  expect(sizeOf(rangeOf("10.1.0.0/16") ?? { first: 0n, last: 0n, family: 4 })).toBe(65_536n);
});
