import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseNetworkConf } from "../../src/cni/index.ts";
import { attachment, failure, fakePlugins, networkList, print } from "./harness.ts";

const list = networkList(["one", "two"], { cniVersion: "1.1.0" });
const c2 = { ...attachment, containerId: "c2", netns: "/run/netns/c2" };

describe("GC", () => {
  test("first deletes what is cached and not valid, then calls GC of every plugin", async () => {
    const fake = fakePlugins("one", "two");
    const cni = fake.cni();
    await cni.addNetworkList(list, { ...attachment, cniArgs: [["A", "1"]] });
    await cni.addNetworkList(list, c2);
    await cni.addNetworkList(networkList(["one"], { name: "wan" }), attachment);

    await cni.gcNetworkList(list, { validAttachments: [{ containerId: "c2", ifName: "eth0" }] });

    expect(fake.verbs().slice(5)).toEqual(["DEL two", "DEL one", "GC one", "GC two"]);
    const [del, , gc] = fake.calls().slice(5);
    expect(del?.env).toMatchObject({
      CNI_CONTAINERID: "c1",
      CNI_NETNS: "/run/netns/c1",
      CNI_ARGS: "A=1",
    });
    const valid = [{ containerID: "c2", ifname: "eth0" }];
    expect(gc?.stdin).toEqual({
      type: "one",
      name: "lan",
      cniVersion: "1.1.0",
      "cni.dev/valid-attachments": valid,
      "cni.dev/attachments": valid,
    });
    expect(gc?.env).toMatchObject({
      CNI_COMMAND: "GC",
      CNI_CONTAINERID: "",
      CNI_NETNS: "",
      CNI_IFNAME: "",
      CNI_ARGS: "",
      CNI_PATH: fake.binDir,
    });
    expect(
      cni.cachedAttachments().map(({ network, containerId }) => [network, containerId]),
    ).toEqual([
      ["lan", "c2"],
      ["wan", "c1"],
    ]);
  });

  test("that is told of no attachments deletes all", async () => {
    const fake = fakePlugins("one", "two");
    const cni = fake.cni();
    await cni.addNetworkList(list, attachment);
    await cni.gcNetworkList(list);
    await cni.gcNetwork(parseNetworkConf('{"name":"lan","type":"one","cniVersion":"1.1.0"}'));
    expect(fake.verbs().slice(2)).toEqual(["DEL two", "DEL one", "GC one", "GC two", "GC one"]);
    expect(fake.calls()[4]?.stdin["cni.dev/valid-attachments"]).toEqual([]);
  });

  test("below 1.1.0 only deletes", async () => {
    const fake = fakePlugins("one");
    const old = networkList(["one"]);
    await fake.cni().addNetworkList(old, attachment);
    await fake.cni().gcNetworkList(old, { validAttachments: [] });
    expect(fake.verbs()).toEqual(["ADD one", "DEL one"]);
  });

  test("does nothing when the list disables it", async () => {
    const fake = fakePlugins("one");
    const off = networkList(["one"], { cniVersion: "1.1.0", disableGC: true });
    await fake.cni().addNetworkList(off, attachment);
    await fake.cni().gcNetworkList(off, { validAttachments: [] });
    expect(fake.verbs()).toEqual(["ADD one"]);
  });

  test("is stopped by no failure, and reports them all", async () => {
    const fake = fakePlugins("one", "two");
    await fake.cni().addNetworkList(list, attachment);
    fake.answer("two", "DEL", `${print({ code: 5, msg: "busy disk" })} exit 1`);
    fake.answer("one", "GC", "exit 1");

    const error = await failure(fake.cni().gcNetworkList(list, { validAttachments: [] }));

    expect(fake.verbs().slice(2)).toEqual(["DEL two", "GC one", "GC two"]);
    expect(error.errors.map(({ command, plugin }) => `${command} ${plugin}`)).toEqual([
      "DEL two",
      "GC one",
    ]);
    expect(error).toMatchObject({ kind: "several", code: 5 });
  });

  test("works without any cache, and leaves strange files alone", async () => {
    const fake = fakePlugins("one", "two");
    await fake.cni().gcNetworkList(list, { validAttachments: [] });
    mkdirSync(join(fake.cacheDir, "results/folder"), { recursive: true });
    writeFileSync(join(fake.cacheDir, "results/lan-c9-eth0"), "");
    await fake.cni().gcNetworkList(list, { validAttachments: [] });
    expect(fake.verbs()).toEqual(["GC one", "GC two", "GC one", "GC two"]);
  });
});

describe("STATUS", () => {
  test("asks every plugin, with nothing but its configuration", async () => {
    const fake = fakePlugins("one", "two");
    await fake.cni().statusNetworkList(list);
    expect(fake.verbs()).toEqual(["STATUS one", "STATUS two"]);
    expect(fake.calls()[0]?.stdin).toEqual({ type: "one", name: "lan", cniVersion: "1.1.0" });
    expect(fake.calls()[0]?.env).toMatchObject({
      CNI_CONTAINERID: "",
      CNI_NETNS: "",
      CNI_IFNAME: "",
      CNI_ARGS: "",
      CNI_PATH: fake.binDir,
    });
  });

  test.each([50, 51])("stops with the plugin's code %i", async (code) => {
    const fake = fakePlugins("one", "two");
    fake.answer("one", "STATUS", `${print({ code, msg: "not yet" })} exit 1`);
    const error = await failure(fake.cni().statusNetworkList(list));
    expect(error.message).toBe(
      `plugin type="one" name="lan" failed (status): not yet (code ${code})`,
    );
    expect(error.code).toBe(code);
    expect(fake.verbs()).toEqual(["STATUS one"]);
  });

  test("below 1.1.0 asks nobody", async () => {
    const fake = fakePlugins("one");
    await fake.cni().statusNetworkList(networkList(["one"]));
    expect(fake.calls()).toEqual([]);
  });
});

describe("VERSION", () => {
  test("has dummies in the environment and the current version on stdin", async () => {
    const fake = fakePlugins("one");
    expect((await fake.cni().version("one")).supportedVersions).toContain("1.1.0");
    const [call] = fake.calls();
    expect(call?.stdin).toEqual({ cniVersion: "1.1.0" });
    expect(call?.env).toMatchObject({
      CNI_COMMAND: "VERSION",
      CNI_NETNS: "dummy",
      CNI_IFNAME: "dummy",
      CNI_PATH: "dummy",
      CNI_CONTAINERID: "",
    });
  });

  test.each([
    [
      "that does not know the verb",
      `${print({ code: 4, msg: "unknown CNI_COMMAND: VERSION" })} exit 1`,
      ["0.1.0"],
    ],
    ["that says so on stderr", 'echo "unknown CNI_COMMAND: VERSION" >&2; exit 1', ["0.1.0"]],
    ["of 0.2.0, which lists none", print({ cniVersion: "0.2.0" }), ["0.1.0", "0.2.0"]],
    [
      "that lists them",
      print({ cniVersion: "1.0.0", supportedVersions: ["0.4.0", "1.0.0"] }),
      ["0.4.0", "1.0.0"],
    ],
  ])("of a plugin %s", async (_, script, versions) => {
    const fake = fakePlugins("one");
    fake.answer("one", "VERSION", script);
    expect((await fake.cni().version("one")).supportedVersions).toEqual(versions);
  });

  test.each([
    "echo []",
    'echo \'{"cniVersion":"1.0.0"}\'',
    'echo \'{"supportedVersions":["1.0.0"]}\'',
  ])("that is answered by %j is an error", async (script) => {
    const fake = fakePlugins("one");
    fake.answer("one", "VERSION", script);
    const error = await failure(fake.cni().version("one"));
    expect(error.message).toBe(
      'plugin type="one" failed (version): it printed no list of the versions that it supports',
    );
  });
});

describe("validation", () => {
  test("returns the capabilities of a list whose plugins all speak its version, each asked once", async () => {
    const fake = fakePlugins("one", "two");
    const good = networkList([
      { type: "one", capabilities: { mac: true, ips: true } },
      "two",
      "one",
    ]);
    expect(await fake.cni().validateNetworkList(good)).toEqual(["ips", "mac"]);
    expect(fake.verbs()).toEqual(["VERSION one", "VERSION two"]);
  });

  test("names every plugin that is missing or too old", async () => {
    const fake = fakePlugins("one");
    fake.answer(
      "one",
      "VERSION",
      print({ cniVersion: "0.4.0", supportedVersions: ["0.3.1", "0.4.0"] }),
    );
    const error = await failure(fake.cni().validateNetworkList(list));
    expect(error.message).toBe(
      'plugin type="one" name="lan" failed (version): it does not support CNI version 1.1.0, only 0.3.1, 0.4.0; ' +
        `plugin type="two" name="lan" failed (version): there is no plugin binary "two"; searched ${fake.binDir}`,
    );
  });
});

describe("a single plugin's configuration", () => {
  const conf = parseNetworkConf(
    '{"name":"lan","cniVersion":"1.1.0","type":"one","capabilities":{"mac":true},"x":1}',
  );

  test("has every operation that a list has", async () => {
    const fake = fakePlugins("one");
    const cni = fake.cni();
    await cni.addNetwork(conf, attachment);
    await cni.checkNetwork(conf, attachment);
    expect(cni.cachedResult(conf, attachment)).toEqual({ cniVersion: "1.1.0" });
    expect(cni.cachedConfig(conf, attachment)?.config).toBe(JSON.stringify(conf));
    await cni.statusNetwork(conf);
    await cni.gcNetwork(conf, { validAttachments: [{ containerId: "c1", ifName: "eth0" }] });
    expect(await cni.validateNetwork(conf)).toEqual(["mac"]);
    await cni.delNetwork(conf, attachment);
    expect(fake.verbs()).toEqual([
      "ADD one",
      "CHECK one",
      "STATUS one",
      "GC one",
      "VERSION one",
      "DEL one",
    ]);
    expect(fake.calls()[0]?.stdin).toEqual({ ...conf });
    expect(cni.cachedAttachments()).toEqual([]);
  });

  test("is remembered for DEL", async () => {
    const fake = fakePlugins("one", "two");
    await fake.cni().addNetwork(conf, attachment);
    await fake.cni().delNetwork({ ...conf, type: "two" }, attachment);
    expect(fake.calls()[1]?.stdin).toMatchObject({
      type: "one",
      x: 1,
      prevResult: { cniVersion: "1.1.0" },
    });
  });

  test("that its caller made wrong is refused by a rejection", async () => {
    const fake = fakePlugins("one");
    const error = await failure(fake.cni().addNetwork({ ...conf, cniVersion: "x" }, attachment));
    expect(error.kind).toBe("invalid");
  });
});
