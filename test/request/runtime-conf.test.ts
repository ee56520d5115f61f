import { describe, expect, test } from "vitest";

import { plainNetwork, type AttachmentRequest } from "../../src/request/attachment-request.ts";
import { parseIps } from "../../src/request/values.ts";
import {
  macFor,
  networksForPorts,
  runtimeConfFor,
  rawListWithArgs,
} from "../../src/request/runtime-conf.ts";
import { workloadArgs } from "../../src/request/workload-args.ts";

const HOST_LOCAL = {
  type: "host-local",
  ranges: [[{ subnet: "10.1.0.0/24" }], [{ subnet: "fd00::/64" }]],
  routes: [{ dst: "0.0.0.0/0" }],
};

function list(capabilities: string[] = [], ipam: object = HOST_LOCAL) {
  const declared = Object.fromEntries(capabilities.map((name) => [name, true]));
  return {
    name: "front",
    plugins: [
      { type: "bridge", ipam },
      { type: "x", capabilities: declared },
    ],
  };
}

function asking(fields: Partial<AttachmentRequest>): AttachmentRequest {
  return { ...plainNetwork("front", "eth0"), ...fields };
}

const ips = (value: string) => parseIps({ flag: "cni.ip", value });
const port = { hostPort: 8080, containerPort: 80, protocol: "tcp" } as const;

describe("by capability where declared", () => {
  test.each<[string, string[], Partial<AttachmentRequest>, object]>([
    [
      "addresses, with the subnet's length",
      ["ips"],
      { ips: ips("10.1.0.7,fd00::7") },
      { ips: ["10.1.0.7/24", "fd00::7/64"] },
    ],
    [
      "an address with a length of its own",
      ["ips"],
      { ips: ips("10.1.0.7/25") },
      { ips: ["10.1.0.7/25"] },
    ],
    [
      "an address outside every subnet is left to the plugin's words",
      ["ips"],
      { ips: ips("10.9.0.7") },
      { ips: ["10.9.0.7"] },
    ],
    ["a MAC", ["mac"], { mac: "02:00:00:00:00:07" }, { mac: "02:00:00:00:00:07" }],
    [
      "bandwidth",
      ["bandwidth"],
      { bandwidth: { ingressRate: 1 } },
      { bandwidth: { ingressRate: 1 } },
    ],
    ["aliases", ["aliases"], { aliases: ["db"] }, { aliases: ["db"] }],
    ["a device", ["deviceID"], { deviceID: "0000:00:1f.6" }, { deviceID: "0000:00:1f.6" }],
  ])("%s", (_, capabilities, fields, expected) => {
    const conf = runtimeConfFor(list(capabilities), asking(fields));
    expect(conf).toEqual({ capabilityArgs: expected, cniArgs: [], configArgs: {} });
  });

  test("ports and the operator's DNS", () => {
    const dns = { servers: ["1.1.1.1"], searches: [], options: [] };
    const conf = runtimeConfFor(list(["portMappings", "dns"]), asking({}), { ports: [port], dns });
    expect(conf.capabilityArgs).toEqual({ portMappings: [port], dns });
  });

  test("a capability that is declared false is not declared", () => {
    const plugins = [{ type: "x", capabilities: { mac: false } }];
    const conf = runtimeConfFor({ name: "front", plugins }, asking({ mac: "02:00:00:00:00:07" }));
    expect(conf.cniArgs).toEqual([["MAC", "02:00:00:00:00:07"]]);
  });
});

describe("without the capability", () => {
  test("address and MAC go into CNI_ARGS, behind the operator's own", () => {
    const fields = {
      ips: ips("10.1.0.7"),
      mac: "02:00:00:00:00:07",
      cniArgs: [["POOL", "a"]] as [string, string][],
    };
    expect(runtimeConfFor(list(), asking(fields))).toEqual({
      capabilityArgs: {},
      cniArgs: [
        ["POOL", "a"],
        ["IP", "10.1.0.7"],
        ["MAC", "02:00:00:00:00:07"],
      ],
      configArgs: {},
    });
  });

  test("host-local reads several addresses from args.cni, CNI_ARGS would hold one", () => {
    const conf = runtimeConfFor(
      list(),
      asking({ ips: ips("10.1.0.7,fd00::7"), configArgs: { a: 1 } }),
    );
    expect(conf).toEqual({
      capabilityArgs: {},
      cniArgs: [],
      configArgs: { a: 1, ips: ["10.1.0.7", "fd00::7"] },
    });
  });

  test("other IPAM plugins get several addresses in CNI_ARGS", () => {
    const conf = runtimeConfFor(
      list([], { type: "static" }),
      asking({ ips: ips("10.1.0.7/24,fd00::7/64") }),
    );
    expect(conf.cniArgs).toEqual([["IP", "10.1.0.7/24,fd00::7/64"]]);
  });

  test.each<[string, Partial<AttachmentRequest>, RegExp]>([
    [
      "static IPAM needs a length",
      { ips: ips("10.1.0.7") },
      /cni\.ip=10\.1\.0\.7: network front has no subnet/,
    ],
    [
      "bandwidth",
      { bandwidth: { ingressRate: 1 } },
      /cni\.bandwidth was asked for, but network front has no plugin/,
    ],
    ["a device", { deviceID: "x" }, /deviceID was asked for/],
  ])("%s: an error that names the network", (_, fields, message) => {
    expect(() => runtimeConfFor(list([], { type: "static" }), asking(fields))).toThrow(message);
  });

  test("ports: an error that names port and network and says what to add", () => {
    expect(() => runtimeConfFor(list(), asking({}), { ports: [port] })).toThrow(
      expect.objectContaining({
        code: "BAD_REQUEST",
        message:
          "-p 8080:80/tcp was asked for, but network front has no plugin with the capability portMappings",
        hint: expect.stringContaining('"type":"portmap"'),
      }),
    );
  });
});

describe("the MAC that goes with an address", () => {
  const bridge = { name: "front", plugins: [{ type: "bridge" }, { type: "portmap" }] };
  test.each<[string, Parameters<typeof macFor>[0], Partial<AttachmentRequest>, string | undefined]>(
    [
      ["by capability", list(["mac"]), { ips: ips("10.1.0.7") }, "02:42:0a:01:00:07"],
      ["of a bridge", bridge, { ips: ips("fd00::7,172.16.200.255") }, "02:42:ac:10:c8:ff"],
      [
        "none beside another",
        bridge,
        { ips: ips("10.1.0.7"), mac: "02:00:00:00:00:07" },
        undefined,
      ],
      ["none of IPv6 alone", bridge, { ips: ips("fd00::7") }, undefined],
      ["none where no address is asked for", bridge, {}, undefined],
      [
        "none where the network takes none",
        { name: "routed", plugins: [{ type: "ptp" }] },
        { ips: ips("10.1.0.7") },
        undefined,
      ],
    ],
  )("%s", (_, network, fields, expected) => {
    expect(macFor(network, asking(fields))).toBe(expected);
  });
});

describe("networksForPorts", () => {
  const [plain, able] = [{ ...list(), name: "plain" }, list(["portMappings"])];
  test("all networks that can publish ports do", () => {
    expect(networksForPorts([plain, able], [port])).toEqual([able]);
    expect(networksForPorts([plain], [])).toEqual([]);
  });

  test("none that can is an error", () => {
    expect(() => networksForPorts([plain, { ...plain, name: "b" }], [port])).toThrow(
      /network plain, b has no/,
    );
  });
});

test("arguments for the configuration go beside those that are there, in every plugin", () => {
  const plugins = [{ type: "a", args: { cni: { x: 1 }, other: 2 } }, { type: "b" }];
  const raw = JSON.stringify({ name: "front", more: true, plugins });
  expect(JSON.parse(rawListWithArgs(raw, plugins, { y: 3 }))).toEqual({
    name: "front",
    more: true,
    plugins: [
      { type: "a", args: { cni: { x: 1, y: 3 }, other: 2 } },
      { type: "b", args: { cni: { y: 3 } } },
    ],
  });
});

test("workload arguments are those that were asked for, without what CNI_ARGS cannot hold", () => {
  const workload = {
    id: "abc",
    name: undefined,
    labels: { "com.example/team": "blue", bad: "a;b" },
  };
  expect(
    workloadArgs(workload, ["id", "name", "label:com.example/team", "label:bad", "label:no"]),
  ).toEqual({
    args: [
      ["DOCKER_CONTAINER_ID", "abc"],
      ["DOCKER_LABEL_COM_EXAMPLE_TEAM", "blue"],
    ],
    warnings: ["DOCKER_LABEL_BAD left out: its value cannot stand in CNI_ARGS"],
  });
});
