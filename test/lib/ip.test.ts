import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  fromNumber,
  isUnicast,
  isUnspecified,
  parseIp,
  parseIpWithPrefix,
  subnetHolds,
  toNumber,
} from "../../src/lib/ip.ts";

describe("parseIp", () => {
  test.each([
    ["10.1.0.7", { family: 4, text: "10.1.0.7" }],
    ["fd00:0:0:0::7", { family: 6, text: "fd00::7" }],
    ["FD00::A", { family: 6, text: "fd00::a" }],
    ["::", { family: 6, text: "::" }],
    ["::ffff:10.1.0.7", { family: 4, text: "10.1.0.7" }],
    ["::ffff:a01:7", { family: 4, text: "10.1.0.7" }],
    ["64:ff9b::10.1.0.7", { family: 6, text: "64:ff9b::a01:7" }],
    ["10.1.0.777", undefined],
    ["10.1.0.07", undefined],
    ["fe80::1%eth0", undefined],
    ["", undefined],
  ])("%j is read as %j", (text, expected) => {
    expect(parseIp(text)).toEqual(expected);
  });

  test("an IPv6 address has one spelling, whatever it was written as", () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const once = parseIp(text)?.text ?? "none";
        expect(parseIp(once)?.text).toBe(once);
        expect(parseIp(text.toUpperCase())?.text).toBe(once);
      }),
    );
  });
});

test.each([
  ["10.1.0.7/24", 24],
  ["10.1.0.7", undefined],
  ["fd00::7/64", 64],
])("the prefix length of %j is %j", (text, prefix) => {
  expect(parseIpWithPrefix(text)).toMatchObject({ prefix });
});

test.each(["10.1.0.7/33", "fd00::7/129", "10.1.0.7/", "10.1.0.7/24/1", "10.1.0.7/-1", "/24"])(
  "%j is no address with a prefix",
  (text) => {
    expect(parseIpWithPrefix(text)).toBeUndefined();
  },
);

test.each([
  ["10.1.0.0/24", "10.1.0.7", true],
  ["10.1.0.0/24", "10.1.1.7", false],
  ["0.0.0.0/0", "10.1.1.7", true],
  ["fd00:204::/32", "fd00:204:1::7", true],
  ["fd00:204::/32", "fd00:205:1::7", false],
  ["fd00::/8", "10.1.0.7", false],
  ["10.1.0.0", "10.1.0.0", false],
])("whether %s holds %s: %s", (subnet, text, expected) => {
  const address = parseIp(text);
  expect(address && subnetHolds(subnet, address)).toBe(expected);
});

test.each([
  ["10.1.0.7", true],
  ["fd00::7", true],
  ["0.0.0.0", false],
  ["0.1.2.3", false],
  ["127.0.0.1", false],
  ["224.0.0.1", false],
  ["255.255.255.255", false],
  ["::", false],
  ["::1", false],
  ["ff02::1", false],
])("whether %s can be a container's: %s", (text, expected) => {
  const address = parseIp(text);
  expect(address && isUnicast(address)).toBe(expected);
});

test("0.0.0.0 and :: are unspecified", () => {
  const unspecified = ["0.0.0.0", "::", "::1", "10.0.0.0"].filter((text) => {
    const address = parseIp(text);
    return address && isUnspecified(address);
  });
  expect(unspecified).toEqual(["0.0.0.0", "::"]);
});

test.each(["10.1.0.255", "0.0.0.1", "255.255.255.255", "fd00::7", "::1", "2001:db8:0:1::"])(
  "%s is the same again as a number",
  (text) => {
    const address = parseIp(text);
    expect(address && fromNumber(address.family, toNumber(address))).toEqual(address);
  },
);
