import { closeSync, openSync, readlinkSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { attachment, failure, fakePlugins, networkList, print } from "./harness.ts";

const first = { cniVersion: "1.0.0", ips: [{ address: "10.0.0.2/24" }] };
const second = { ...first, routes: [{ dst: "0.0.0.0/0" }] };

describe("ADD", () => {
  test("calls the plugins in order, each with the output of the one before", async () => {
    const fake = fakePlugins("one", "two");
    fake.answer("one", "ADD", print(first));
    fake.answer("two", "ADD", print(second));

    const result = await fake.cni().addNetworkList(networkList(["one", "two"]), attachment);

    expect(result).toEqual(second);
    expect(fake.verbs()).toEqual(["ADD one", "ADD two"]);
    const [one, two] = fake.calls();
    expect(one?.stdin).toEqual({ type: "one", name: "lan", cniVersion: "1.0.0" });
    expect(two?.stdin).toEqual({
      type: "two",
      name: "lan",
      cniVersion: "1.0.0",
      prevResult: first,
    });
  });

  test("sets the environment of the protocol over the one it is given", async () => {
    const fake = fakePlugins("one");
    const env = {
      PATH: process.env["PATH"],
      FAKE_DIR: fake.dir,
      CNI_ARGS: "X=1",
      CNI_NETNS: "/x",
      OWN: "kept",
    };
    const rt = { ...attachment, cniArgs: [["IP", "10.0.0.9"] as const] };

    await fake
      .cni({ env, pluginDirs: ["/nowhere", fake.binDir] })
      .addNetworkList(networkList(["one"]), rt);

    expect(fake.calls()[0]?.env).toMatchObject({
      CNI_COMMAND: "ADD",
      CNI_CONTAINERID: "c1",
      CNI_NETNS: "/run/netns/c1",
      CNI_IFNAME: "eth0",
      CNI_ARGS: "IP=10.0.0.9",
      CNI_PATH: `/nowhere:${fake.binDir}`,
      OWN: "kept",
    });
  });

  test("runs the plugin without arguments, in the caller's netns, with no descriptor but the three", async () => {
    const fake = fakePlugins("one");
    const leak = openSync("/dev/null", "r");

    await fake.cni().addNetworkList(networkList(["one"]), attachment);
    closeSync(leak);

    const [call] = fake.calls();
    expect(call?.argv).toEqual([`${fake.binDir}/one`]);
    expect(call?.netns).toBe(readlinkSync("/proc/self/ns/net"));
    const numbers = call?.fds.map((line) => / (\d+) -> /.exec(line)?.[1]);
    // The shell has its own script open, at 10 or above.
    expect(numbers?.filter((number) => Number(number) < 10)).toEqual(["0", "1", "2"]);
    expect(call?.fds.join("\n")).not.toContain("/dev/null");
  });

  test("stops at the plugin that fails and calls no DEL", async () => {
    const fake = fakePlugins("one", "two", "three");
    fake.answer(
      "two",
      "ADD",
      `${print({ cniVersion: "1.0.0", code: 7, msg: "no", details: "way" })} exit 1`,
    );
    const cni = fake.cni();

    const error = await failure(
      cni.addNetworkList(networkList(["one", "two", "three"]), attachment),
    );

    expect(error.message).toBe('plugin type="two" name="lan" failed (add): no; way (code 7)');
    expect(error.toJSON()).toEqual({ code: 7, msg: "no", details: "way" });
    expect(fake.verbs()).toEqual(["ADD one", "ADD two"]);
  });

  test("that fails half-way leaves DEL with the result so far", async () => {
    const fake = fakePlugins("one", "two", "three");
    fake.answer("one", "ADD", print(first));
    fake.answer("two", "ADD", print(second));
    fake.answer("three", "ADD", "exit 1");
    const list = networkList(["one", "two", "three"]);

    await failure(fake.cni().addNetworkList(list, attachment));
    await fake.cni().delNetworkList(list, attachment);

    const removals = fake.calls().slice(3);
    expect(removals.map(({ stdin }) => stdin["prevResult"])).toEqual([second, second, second]);
    expect(fake.cni().cachedAttachments()).toEqual([]);
  });

  test("that fails at once caches nothing", async () => {
    const fake = fakePlugins("one");
    fake.answer("one", "ADD", "exit 1");
    await failure(fake.cni().addNetworkList(networkList(["one"]), attachment));
    expect(fake.cni().cachedAttachments()).toEqual([]);
  });

  test("calls no plugin when one of the chain is missing, and names the folders", async () => {
    const fake = fakePlugins("one");
    const error = await failure(
      fake.cni().addNetworkList(networkList(["one", "gone"]), attachment),
    );

    expect(error.kind).toBe("not-found");
    expect(error.message).toBe(
      `plugin type="gone" name="lan" failed (add): there is no plugin binary "gone"; searched ${fake.binDir}`,
    );
    expect(fake.calls()).toEqual([]);
  });

  test("hands the next plugin a result of another version in the list's", async () => {
    const fake = fakePlugins("old", "two");
    fake.answer(
      "old",
      "ADD",
      print({ cniVersion: "0.4.0", ips: [{ version: "4", address: "10.0.0.2/24" }] }),
    );
    fake.answer("two", "ADD", print(second));

    await fake.cni().addNetworkList(networkList(["old", "two"]), attachment);

    expect(fake.calls()[1]?.stdin["prevResult"]).toEqual(first);
  });

  test("gives a result without cniVersion that of the list", async () => {
    const fake = fakePlugins("one");
    const result = await fake
      .cni()
      .addNetworkList(networkList(["one"], { cniVersion: "0.3.1" }), attachment);
    expect(result).toEqual({ cniVersion: "0.3.1" });
  });

  test("gives each plugin only the capabilityArgs that it declares true", async () => {
    const fake = fakePlugins("one", "two", "three");
    const list = networkList([
      { type: "one", capabilities: { portMappings: true, mac: false } },
      { type: "two", capabilities: { bandwidth: true } },
      "three",
    ]);
    const portMappings = [{ hostPort: 80, containerPort: 80, protocol: "tcp" }];

    await fake.cni().addNetworkList(list, {
      ...attachment,
      capabilityArgs: { portMappings, mac: "02:00:00:00:00:01" },
    });

    const stdins = fake.calls().map(({ stdin }) => stdin);
    expect(stdins.map((stdin) => stdin["runtimeConfig"])).toEqual([
      { portMappings },
      undefined,
      undefined,
    ]);
    expect(stdins[0]?.["capabilities"]).toEqual({ portMappings: true, mac: false });
  });
});

test("every call is reported with its time, its stderr and its error", async () => {
  const fake = fakePlugins("one", "two");
  fake.answer("one", "ADD", "echo working >&2; echo {}");
  fake.answer("two", "ADD", "echo broken >&2; exit 3");

  await failure(fake.cni().addNetworkList(networkList(["one", "two"]), attachment));

  const ids = { command: "ADD", network: "lan", containerId: "c1", ifName: "eth0" };
  expect(fake.steps).toMatchObject([
    { ...ids, plugin: "one", ok: true, stderr: "working\n" },
    { ...ids, plugin: "two", ok: false, stderr: "broken\n", error: { kind: "exit" } },
  ]);
  for (const { ms } of fake.steps) expect(ms).toBeGreaterThan(0);
});

test.each<[string, () => void]>([
  [
    "throws",
    () => {
      throw new Error("full log");
    },
  ],
  ["rejects", async () => Promise.reject(new Error("full log"))],
])("an onPlugin that %s is no fault of the operation's", async (_, onPlugin) => {
  const fake = fakePlugins("one", "two");
  fake.answer("two", "ADD", "exit 3");
  const cni = fake.cni({ onPlugin });
  await cni.addNetworkList(networkList(["one"]), attachment);
  const error = await failure(cni.addNetworkList(networkList(["two"]), attachment));
  expect(error).toMatchObject({ kind: "exit", plugin: "two" });
});
