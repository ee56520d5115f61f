import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assertCniArgs } from "../../src/cni/args.ts";
import { type CapabilityArgs, formatCniArgs, parseCniArgs } from "../../src/cni/index.ts";
import { attachment, fakePlugins, networkList, thrown } from "./harness.ts";

describe("CNI_ARGS", () => {
  test("is empty without arguments", () => {
    expect(formatCniArgs([])).toBe("");
    expect(parseCniArgs("")).toEqual([]);
  });

  test.each([
    ["a key with =", [["A=B", "1"]], 'invalid key "A=B"'],
    ["a key with ;", [["A;B", "1"]], 'invalid key "A;B"'],
    ["an empty key", [["", "1"]], 'invalid key ""'],
    ["a value with =", [["A", "b=c"]], 'invalid value "b=c" of A'],
    ["a value with ;", [["A", "b;c"]], 'invalid value "b;c" of A'],
    ["a value with a NUL", [["A", "b\0"]], 'invalid value "b\\u0000" of A'],
  ] as const)("refuses %s", (_, args, text) => {
    expect(thrown(() => formatCniArgs(args))).toMatchObject({ kind: "invalid", code: 4 });
    expect(thrown(() => assertCniArgs(args)).message).toContain(text);
  });

  test.each(["A", "A=1;", ";", "A=1=2", "=1"])("cannot be read from %j", (text) => {
    expect(thrown(() => parseCniArgs(text)).kind).toBe("invalid");
  });

  test("are those of the caller and no others: IgnoreUnknown is the caller's to ask for", async () => {
    const fake = fakePlugins("one");
    const cni = fake.cni();
    const cniArgs = [["IgnoreUnknown", "1"] as const, ["IP", "10.0.0.2"] as const];
    for (const args of [cniArgs, cniArgs.slice(1), []]) {
      await cni.addNetworkList(networkList(["one"]), { ...attachment, cniArgs: args });
      expect(cni.cachedAttachments()[0]?.cniArgs).toEqual(args);
      await cni.delNetworkList(networkList(["one"]), attachment);
    }
    expect(fake.calls().map(({ env }) => env["CNI_ARGS"])).toEqual([
      "IgnoreUnknown=1;IP=10.0.0.2",
      "IgnoreUnknown=1;IP=10.0.0.2",
      "IP=10.0.0.2",
      "IP=10.0.0.2",
      "",
      "",
    ]);
  });

  const text = fc.string({ unit: "binary", maxLength: 20 });

  test("reads back as it was written", () => {
    const clean = text.filter((value) => !/[;=\0]/.test(value));
    const key = clean.filter((value) => value !== "");
    fc.assert(
      fc.property(fc.array(fc.tuple(key, clean)), (args) => {
        expect(parseCniArgs(formatCniArgs(args))).toEqual(args);
      }),
    );
  });

  test("is never written with a character that separates", () => {
    const dirty = fc
      .tuple(text, fc.constantFrom(";", "=", "\0"), text)
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(dirty, text, (bad, good) => {
        expect(thrown(() => formatCniArgs([[bad, good]])).kind).toBe("invalid");
        expect(
          thrown(() => formatCniArgs([[`K${good.replaceAll(/[;=\0]/g, "")}`, bad]])).kind,
        ).toBe("invalid");
      }),
    );
  });
});

test("the arguments of well-known capabilities are typed, and those of others are free", () => {
  const good: CapabilityArgs[] = [
    { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "udp", hostIP: "127.0.0.1" }] },
    { ipRanges: [[{ subnet: "10.1.0.0/24", rangeStart: "10.1.0.9" }]] },
    { bandwidth: { ingressRate: 1_000_000, ingressBurst: 100_000 } },
    { dns: { servers: ["10.1.0.1"], searches: ["example.org"], options: ["ndots:1"] } },
    { ips: ["10.1.0.2/24"], mac: "02:00:00:00:00:01", aliases: ["web"] },
    { infinibandGUID: "c2:11", deviceID: "0000:1", cgroupPath: "/a" },
    { "io.example.own": { anything: [1, null] } },
  ];
  const bad: CapabilityArgs[] = [
    // @ts-expect-error -- a number is no MAC
    { mac: 5 },
    // @ts-expect-error -- a port is a number
    { portMappings: [{ hostPort: "8080", containerPort: 80 }] },
    // @ts-expect-error -- ips is a list
    { ips: "10.1.0.2" },
    // @ts-expect-error -- no such limit
    { bandwidth: { rate: 1 } },
  ];
  expect(good.length + bad.length).toBe(11);
});
