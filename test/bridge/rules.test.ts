import { describe, expect, test } from "vitest";
import { givenAddresses, macOf, routesFor } from "../../src/bridge/addresses.ts";
import { readBridgeConf } from "../../src/bridge/conf.ts";
import { addElements, elementsOf, networkScript, removeElements } from "../../src/bridge/rules.ts";
import type { PluginConf } from "../../src/cni/plugin/index.ts";

const given = givenAddresses({
  ips: [
    { address: "10.1.0.7/24", gateway: "10.1.0.1" },
    { address: "fd00::7/64", gateway: "fd00::1" },
  ],
});

const conf = (keys: Record<string, unknown>): PluginConf => ({
  name: "lan",
  cniVersion: "1.0.0",
  ...keys,
});
const ports = (...portMappings: unknown[]) =>
  readBridgeConf({ config: conf({ runtimeConfig: { portMappings } }) }).ports;

describe("a published port", () => {
  test.each([
    [
      "of any address is an element for each family of the container",
      { hostPort: 80, containerPort: 8080 },
      ["ports4 { tcp . 80 : 10.1.0.7 . 8080 }", "ports6 { tcp . 80 : fd00::7 . 8080 }"],
    ],
    [
      "of one address is one element with that",
      { hostPort: 53, containerPort: 53, protocol: "UDP", hostIP: "127.0.0.1" },
      ["at4 { 127.0.0.1 . udp . 53 : 10.1.0.7 . 53 }"],
    ],
    [
      "of all addresses of one family is that family's",
      { hostPort: 80, containerPort: 80, protocol: "sctp", hostIP: "::" },
      ["ports6 { sctp . 80 : fd00::7 . 80 }"],
    ],
  ])("%s", (_, mapping, elements) => {
    const lines = elements.map((each) => `add element inet docker-cni ${each}\n`);
    expect(addElements(elementsOf(ports(mapping), given))).toBe(lines.join(""));
  });

  test("is removed only where it leads to this container", () => {
    const own = elementsOf(ports({ hostPort: 80, containerPort: 80, hostIP: "0.0.0.0" }), given);
    expect(removeElements(own)).toBe(
      "add element inet docker-cni ports4 { tcp . 80 : 10.1.0.7 . 80 }\n" +
        "delete element inet docker-cni ports4 { tcp . 80 }\n",
    );
  });
});

const elements = (ipMasq: boolean) =>
  networkScript(given, ipMasq)
    .split("\n")
    .filter((line) => line.startsWith("add element"));

describe("a network's rules", () => {
  test("have its subnets in the sets", () => {
    expect(elements(true)).toEqual([
      "add element inet docker-cni same4 { 10.1.0.0/24 . 10.1.0.0/24 }",
      "add element inet docker-cni masq4 { 10.1.0.0/24 }",
      "add element inet docker-cni same6 { fd00::/64 . fd00::/64 }",
      "add element inet docker-cni masq6 { fd00::/64 }",
    ]);
  });

  test("without masquerade do not have them in those that are masqueraded", () => {
    expect(elements(false).join("\n")).not.toContain("masq");
  });
});

describe("a configuration that is wrong names the key", () => {
  test.each<[string, Record<string, unknown>]>([
    ["bridge", { bridge: "../x" }],
    ["bridge", { bridge: "a-name-that-is-too-long" }],
    ["ipMasq", { ipMasq: "yes" }],
    ["mtu", { mtu: -1 }],
    ["mac", { runtimeConfig: { mac: "02:00" } }],
    ["portMappings", { runtimeConfig: { portMappings: [{ hostPort: 0, containerPort: 1 }] } }],
    ["portMappings", { runtimeConfig: { portMappings: [{ hostPort: "1; x", containerPort: 1 }] } }],
    ["portMappings", { runtimeConfig: { portMappings: [null] } }],
  ])("%s", (key, keys) => {
    expect(() => readBridgeConf({ config: conf(keys) })).toThrow(`"${key}" has to be`);
  });
});

test("a container's MAC follows from its address", () => {
  expect(given.map(({ address }) => macOf(address))).toEqual([
    "0a:58:0a:01:00:07",
    expect.stringMatching(/^0a:58(:[\da-f]{2}){4}$/),
  ]);
});

test("isDefaultGateway adds the default routes that the IPAM did not give", () => {
  const routes = [{ dst: "0.0.0.0/0" }];
  expect(routesFor({ routes }, given, true)).toEqual([
    { dst: "0.0.0.0/0" },
    { dst: "::/0", gw: "fd00::1" },
  ]);
  expect(routesFor({ routes }, given, false)).toEqual(routes);
});
