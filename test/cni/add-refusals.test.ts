import { describe, expect, test } from "vitest";
import { attachment, failure, fakePlugins, networkList } from "./harness.ts";

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
