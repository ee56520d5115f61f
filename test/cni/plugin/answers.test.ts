import { describe, expect, test } from "vitest";
import { parsePrevResult } from "../../../src/cni/plugin/index.ts";
import { thrown } from "../harness.ts";
import { startPlugin, type PluginStart } from "./run-fixture.ts";

const result = { cniVersion: "1.0.0", ips: [{ address: "10.0.0.2/24", gateway: "10.0.0.1" }] };

test("its function is given the environment and the configuration", () => {
  const env = { CNI_ARGS: "IgnoreUnknown=1;IP=10.0.0.2", CNI_PATH: "/opt/cni/bin:/usr/lib/cni" };
  const config = { mtu: 1400, runtimeConfig: { mac: "02:00:00:00:00:01" }, prevResult: result };

  expect(startPlugin({ command: "CHECK", env, config }).given).toEqual({
    command: "CHECK",
    containerId: "c1",
    netns: "/run/netns/none",
    ifName: "eth0",
    args: "IgnoreUnknown=1;IP=10.0.0.2",
    pluginDirs: ["/opt/cni/bin", "/usr/lib/cni"],
    config: { cniVersion: "1.1.0", name: "lan", type: "fixture", result: {}, ...config },
    prev: { ...result, cniVersion: "1.1.0" },
  });
});

describe("GC is given the valid attachments", () => {
  const list = [{ containerID: "c1", ifname: "eth0" }];
  test.each<[string, Record<string, unknown>, unknown[]]>([
    ["of the specification's key", { "cni.dev/valid-attachments": list }, list],
    ["of the key of libcni's first release", { "cni.dev/attachments": list }, list],
    ["of the first of both", { "cni.dev/valid-attachments": [], "cni.dev/attachments": list }, []],
    ["of an empty list", { "cni.dev/valid-attachments": [] }, []],
    ["of null, which is how Go writes an empty list", { "cni.dev/valid-attachments": null }, []],
  ])("%s", (_, config, expected) => {
    const validAttachments = expected.map(() => ({ containerId: "c1", ifName: "eth0" }));

    expect(startPlugin({ command: "GC", config }).given).toMatchObject({ validAttachments });
  });
});

describe("the result of ADD", () => {
  test.each([
    ["1.1.0", { cniVersion: "1.1.0", ips: result.ips }],
    ["0.4.0", { cniVersion: "0.4.0", ips: [{ ...result.ips[0], version: "4" }] }],
    ["0.2.0", { cniVersion: "0.2.0", ip4: { ip: "10.0.0.2/24", gateway: "10.0.0.1" } }],
    ["", { cniVersion: "0.1.0", ip4: { ip: "10.0.0.2/24", gateway: "10.0.0.1" } }],
  ])("is printed in the network's version, %j", (cniVersion, printed) => {
    const end = startPlugin({ config: { cniVersion, result } });

    expect(end).toMatchObject({ status: 0, answer: printed });
  });

  test("is of the newest version when the plugin does not say", () => {
    const end = startPlugin({ config: { cniVersion: "0.4.0", result: { ips: result.ips } } });

    expect(end.answer).toMatchObject({ cniVersion: "0.4.0", ips: [{ version: "4" }] });
  });

  test.each([
    ["is no object", "ok", 6, "the result has to be a JSON object and is a string"],
    [
      "has an address without a prefix length",
      { ips: [{ address: "10.0.0.2" }] },
      6,
      'ips[0].address is "10.0.0.2", which is no address with a prefix length',
    ],
    [
      "cannot be said in the network's version",
      {},
      1,
      "cannot convert a result of CNI version 1.1.0 to 0.2.0: it has no IP address",
    ],
  ])("is an error when it %s", (_, wrong, code, msg) => {
    const end = startPlugin({ config: { cniVersion: "0.2.0", result: wrong } });

    expect(end).toMatchObject({ status: 1, answer: { cniVersion: "0.2.0", code } });
    expect(end.answer).toMatchObject({ msg: expect.stringContaining(msg) });
  });
});

describe("what the function throws is the answer:", () => {
  test.each<[string, PluginStart, Record<string, unknown>]>([
    [
      "code 11 of ADD, with details",
      { config: { throw: { code: 11, msg: "no address is free", details: "10.0.0.0/24" } } },
      { cniVersion: "1.1.0", code: 11, msg: "no address is free", details: "10.0.0.0/24" },
    ],
    [
      "code 50 of STATUS",
      { command: "STATUS", config: { throw: { code: 50, msg: "the daemon is down" } } },
      { cniVersion: "1.1.0", code: 50, msg: "the daemon is down" },
    ],
    [
      "code 51 of STATUS",
      { command: "STATUS", config: { throw: { code: 51, msg: "the uplink is down" } } },
      { cniVersion: "1.1.0", code: 51, msg: "the uplink is down" },
    ],
    [
      "a code of its own, of DEL",
      { command: "DEL", config: { cniVersion: "0.4.0", throw: { code: 100, msg: "no" } } },
      { cniVersion: "0.4.0", code: 100, msg: "no" },
    ],
  ])("%s", (_, start, printed) => {
    const end = startPlugin(start);

    expect(end.status).toBe(1);
    expect(end.answer).toEqual(printed);
    expect(end.stderr).not.toContain("CniError");
  });

  test("code 999 for any other error, whose stack is on stderr", () => {
    const end = startPlugin({ command: "DEL", config: { bug: "x is not a function" } });

    expect(end.status).toBe(1);
    expect(end.answer).toEqual({ cniVersion: "1.1.0", code: 999, msg: "x is not a function" });
    expect(end.stderr).toMatch(/Error: x is not a function\n +at .*fixture\.ts/);
  });
});

test("a timer that the plugin has left does not keep the runtime waiting", () => {
  expect(startPlugin({ config: { linger: true } })).toMatchObject({ status: 0, answer: {} });
});

test("an answer that cannot be printed is an error", () => {
  const end = startPlugin({ stdoutFile: "/dev/full" });

  expect(end.status).toBe(1);
  expect(end.stderr).toContain("cannot print the answer: ENOSPC");
});

describe("parsePrevResult", () => {
  test.each([
    ["undefined when there is none", undefined, undefined],
    ["undefined for null", null, undefined],
    ["the result in the newest version", result, { ...result, cniVersion: "1.1.0" }],
    ["of the network's version when it names none", { dns: {} }, { cniVersion: "1.1.0" }],
    [
      "of a result before 1.0.0 the addresses alone",
      { cniVersion: "0.4.0", ips: [{ version: "4", address: "10.0.0.2/24" }] },
      { cniVersion: "1.1.0", ips: [{ address: "10.0.0.2/24" }] },
    ],
  ])("gives %s", (_, prevResult, expected) => {
    const config = { name: "lan", cniVersion: "0.4.0", prevResult };
    expect(parsePrevResult(config)).toEqual(expected);
  });

  test("throws for what is no result", () => {
    const config = { name: "lan", cniVersion: "1.0.0", prevResult: [] };
    const error = thrown(() => parsePrevResult(config));
    const msg = "invalid prevResult: the result has to be a JSON object and is a list";
    expect(error).toMatchObject({ code: 6, msg });
  });
});
