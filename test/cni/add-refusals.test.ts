import { describe, expect, test } from "vitest";
import type { Cni, NetworkList, RuntimeConf } from "../../src/cni/index.ts";
import { attachment, failure, fakePlugins, networkList } from "./harness.ts";

const cycle: Record<string, unknown> = {};
cycle["self"] = cycle;
/** What TypeScript would refuse, as a caller in JavaScript may write it. */
const untyped = (fields: object): RuntimeConf => Object.assign({ ...attachment }, fields);

describe("ADD", () => {
  test.each([
    ["container id", { ...attachment, containerId: "../c1" }, 'invalid container id "../c1"'],
    ["interface name", { ...attachment, ifName: "eth0/1" }, 'invalid interface name "eth0/1"'],
    [
      "argument",
      { ...attachment, cniArgs: [["IP", "1;X=2"] as const] },
      'invalid value "1;X=2" of IP in CNI_ARGS',
    ],
    ["netns", { ...attachment, netns: "" }, "ADD needs the path of a network namespace"],
    [
      "netns with a NUL",
      { ...attachment, netns: "/a\0b" },
      "the path of the network namespace holds a NUL",
    ],
    [
      "length of the names",
      { ...attachment, containerId: "c".repeat(250) },
      "are too long together",
    ],
  ])("refuses a bad %s before any plugin runs", async (_, rt, text) => {
    const fake = fakePlugins("one");
    const error = await failure(fake.cni().addNetworkList(networkList(["one"]), rt));

    expect(error.message).toContain(text);
    expect(error).toMatchObject({ kind: "invalid", code: 4 });
    expect(fake.calls()).toEqual([]);
  });

  test("refuses a bad network name before any plugin runs", async () => {
    const fake = fakePlugins("one");
    const error = await failure(
      fake.cni().addNetworkList({ ...networkList(["one"]), name: "a/b" }, attachment),
    );
    expect(error.message).toContain('invalid network name "a/b"');
    expect(error).toMatchObject({ kind: "invalid", code: 7 });
    expect(fake.calls()).toEqual([]);
  });

  test.each([
    ["null", "null", "the result has to be a JSON object and is null"],
    ["a list", "[]", "the result has to be a JSON object and is a list"],
    ["nothing", "", "it printed no result"],
    ["a sentence", "all good", "it printed no JSON: all good"],
    [
      "an unknown version",
      '{"cniVersion":"9.0.0"}',
      'the result is of CNI version "9.0.0", which is not known here',
    ],
    [
      "no address",
      '{"ips":[{"address":"10.0.0.2"}]}',
      'ips[0].address is "10.0.0.2", which is no address with a prefix length',
    ],
    [
      "a bad gateway",
      '{"ips":[{"address":"10.0.0.2/8","gateway":"x"}]}',
      'ips[0].gateway is "x", which is no IP address',
    ],
    [
      "a bad route",
      '{"routes":[{"dst":"default"}]}',
      'routes[0].dst is "default", which is no address with a prefix length',
    ],
    ["ips that are no list", '{"ips":{}}', "ips has to be a list and is an object"],
  ])("refuses the result of a plugin that prints %s", async (_, stdout, msg) => {
    const fake = fakePlugins("one", "two");
    fake.answer("one", "ADD", `printf '%s' '${stdout}'`);

    const error = await failure(fake.cni().addNetworkList(networkList(["one", "two"]), attachment));

    expect(error.message).toBe(`plugin type="one" name="lan" failed (add): ${msg}`);
    expect(error).toMatchObject({
      kind: "bad-output",
      code: 6,
      plugin: "one",
      network: "lan",
      command: "ADD",
    });
    expect(fake.verbs()).toEqual(["ADD one"]);
  });
});

describe.each<[string, (cni: Cni, list: NetworkList, rt: RuntimeConf) => Promise<unknown>]>([
  ["ADD", (cni, list, rt) => cni.addNetworkList(list, rt)],
  ["CHECK", (cni, list, rt) => cni.checkNetworkList(list, rt)],
  ["DEL", (cni, list, rt) => cni.delNetworkList(list, rt)],
])("%s refuses before any plugin runs", (_, run) => {
  test.each<[string, RuntimeConf, number, string]>([
    ["no container id", untyped({ containerId: undefined }), 3, "no container id"],
    ["an empty container id", { ...attachment, containerId: "" }, 3, "no container id"],
    ["no interface name", untyped({ ifName: undefined }), 4, "invalid interface name"],
    ["no netns", untyped({ netns: undefined }), 4, "netns has to be a string and is missing"],
    ["a netns that is a number", untyped({ netns: 1 }), 4, "netns has to be a string"],
    ["capabilityArgs that are null", untyped({ capabilityArgs: null }), 4, "capabilityArgs"],
    ["a bigint", { ...attachment, capabilityArgs: { x: 1n } }, 4, "capabilityArgs"],
    ["a cycle", { ...attachment, capabilityArgs: cycle }, 4, "capabilityArgs"],
    ["no value of an argument", untyped({ cniArgs: [["IP", undefined]] }), 4, "CNI_ARGS"],
    ["arguments that are no list", untyped({ cniArgs: { IP: "1" } }), 4, "CNI_ARGS"],
  ])("%s", async (__, rt, code, text) => {
    const fake = fakePlugins("one", "two");
    const error = await failure(run(fake.cni(), networkList(["one", "two"]), rt));
    expect(error).toMatchObject({ kind: "invalid", code });
    expect(error.message).toContain(text);
    expect(fake.calls()).toEqual([]);
  });

  test.each([
    ["a plugin with a bigint", [{ type: "one" }, { type: "two", x: 1n }]],
    ["a plugin with a cycle", [{ type: "one" }, { type: "two", x: cycle }]],
  ])("%s", async (__, plugins) => {
    const fake = fakePlugins("one", "two");
    const error = await failure(run(fake.cni(), { ...networkList(["one"]), plugins }, attachment));
    expect(error).toMatchObject({ kind: "invalid", code: 7 });
    expect(fake.calls()).toEqual([]);
  });
});

test.each<[string, (cni: Cni) => Promise<unknown>]>([
  ["ADD", (cni) => cni.addNetwork({ name: "lan", type: "one", x: 1n }, attachment)],
  ["DEL", (cni) => cni.delNetwork({ name: "lan", type: "one", x: cycle }, attachment)],
  ["GC", (cni) => cni.gcNetwork({ name: "lan", type: "one", x: 1n }, { validAttachments: [] })],
  ["STATUS", (cni) => cni.statusNetwork({ name: "lan", type: "one", x: 1n })],
])("%s refuses a single plugin's configuration that JSON cannot say", async (_, run) => {
  const fake = fakePlugins("one");
  const error = await failure(run(fake.cni()));
  expect(error).toMatchObject({ kind: "invalid", code: 7 });
  expect(fake.calls()).toEqual([]);
});

test("GC refuses a list that JSON cannot say before it deletes anything", async () => {
  const fake = fakePlugins("one", "two");
  const cni = fake.cni();
  await cni.addNetworkList(networkList(["one"]), attachment);
  const list = networkList(["one"], { cniVersion: "1.1.0" });
  const plugins = [...list.plugins, { type: "two", x: 1n }];
  const error = await failure(cni.gcNetworkList({ ...list, plugins }, { validAttachments: [] }));
  expect(error).toMatchObject({ kind: "invalid", code: 7 });
  expect(fake.verbs()).toEqual(["ADD one"]);
});
