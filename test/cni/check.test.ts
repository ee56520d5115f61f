import { describe, expect, test } from "vitest";
import type { PluginStep } from "../../src/cni/index.ts";
import { attachment, failure, fakePlugins, networkList, print } from "./harness.ts";

const second = {
  cniVersion: "1.0.0",
  ips: [{ address: "10.0.0.2/24" }],
  routes: [{ dst: "0.0.0.0/0" }],
};

describe("CHECK", () => {
  test("gives every plugin, in order, the final result and what ADD was given", async () => {
    const fake = fakePlugins("one", "two");
    fake.answer("two", "ADD", print(second));
    const list = networkList(["one", "two"]);
    const cni = fake.cni();
    await cni.addNetworkList(list, { ...attachment, cniArgs: [["A", "1"]] });

    await cni.checkNetworkList(list, attachment);

    expect(fake.verbs().slice(2)).toEqual(["CHECK one", "CHECK two"]);
    for (const call of fake.calls().slice(2)) {
      expect(call.stdin["prevResult"]).toEqual(second);
      expect(call.env["CNI_ARGS"]).toBe("A=1");
    }
  });

  test("is refused below 0.4.0", async () => {
    const fake = fakePlugins("one");
    const error = await failure(
      fake.cni().checkNetworkList(networkList(["one"], { cniVersion: "0.3.1" }), attachment),
    );
    expect(error).toMatchObject({ kind: "unsupported", code: 1 });
    expect(error.message).toBe('configuration version "0.3.1" does not support the CHECK command');
  });

  test.each([
    ["nothing when the list disables it", {}, { disableCheck: "true" }, []],
    ["the plugins when it did so only for ADD", { disableCheck: true }, {}, ["CHECK one"]],
    ["the plugins when only ADD's version is too old", { cniVersion: "0.3.1" }, {}, ["CHECK one"]],
  ])("calls %s", async (_, then, now, expected) => {
    const fake = fakePlugins("one");
    const cni = fake.cni();
    await cni.addNetworkList(networkList(["one"], then), attachment);
    await cni.checkNetworkList(networkList(["one"], now), attachment);
    expect(fake.verbs().slice(1)).toEqual(expected);
    for (const { stdin } of fake.calls().slice(1)) {
      expect(stdin).toMatchObject({ cniVersion: "1.0.0", prevResult: { cniVersion: "1.0.0" } });
    }
  });

  test("says so when no result is cached, and calls nothing", async () => {
    const fake = fakePlugins("one");
    const error = await failure(fake.cni().checkNetworkList(networkList(["one"]), attachment));
    expect(error).toMatchObject({ kind: "cache", network: "lan" });
    expect(fake.calls()).toEqual([]);
  });

  test("stops at the first plugin that complains", async () => {
    const fake = fakePlugins("one", "two");
    fake.answer("one", "CHECK", `${print({ code: 100, msg: "eth0 is gone" })} exit 1`);
    const cni = fake.cni();
    await cni.addNetworkList(networkList(["one", "two"]), attachment);
    const error = await failure(cni.checkNetworkList(networkList(["one", "two"]), attachment));
    expect(error.message).toBe(
      'plugin type="one" name="lan" failed (check): eth0 is gone (code 100)',
    );
    expect(fake.verbs().at(-1)).toBe("CHECK one");
  });

  test("tells the listener of a fault that the caller ignores, marked as ignored, and goes on", async () => {
    const fake = fakePlugins("one", "two");
    fake.answer("one", "CHECK", `${print({ code: 100, msg: "a false alarm" })} exit 1`);
    const steps: PluginStep[] = [];
    const cni = fake.cni({ onPlugin: (step) => steps.push(step) });
    await cni.addNetworkList(networkList(["one", "two"]), attachment);
    await cni.checkNetworkList(networkList(["one", "two"]), attachment, {
      ignore: ({ msg }) => msg === "a false alarm",
    });
    expect(steps.slice(2)).toMatchObject([
      { command: "CHECK", plugin: "one", ok: false, ignored: true },
      { command: "CHECK", plugin: "two", ok: true },
    ]);
    expect(steps.map(({ ignored = false }) => ignored)).toEqual([false, false, true, false]);
  });
});
