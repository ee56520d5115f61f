import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Cni, NetworkList } from "../../src/cni/index.ts";
import {
  attachment,
  failure,
  fakePlugins,
  networkList,
  print,
  thrown,
  type FakePlugins,
} from "./harness.ts";

const list = networkList(["one"]);
const result = { cniVersion: "1.0.0", ips: [{ address: "10.0.0.2/24" }] };

function cacheFile({ cacheDir }: FakePlugins, text?: string): string {
  const path = join(cacheDir, "results/lan-c1-eth0");
  if (text !== undefined) {
    mkdirSync(join(cacheDir, "results"), { recursive: true });
    writeFileSync(path, text);
  }
  return path;
}

describe("the cache file", () => {
  test("has libcni's name, keys and modes, and is alone", async () => {
    const fake = fakePlugins("one");
    fake.answer("one", "ADD", print(result));
    const capabilityArgs = { mac: "02:00:00:00:00:02" };
    await fake
      .cni()
      .addNetworkList(list, { ...attachment, cniArgs: [["IP", "10.0.0.2"]], capabilityArgs });

    const path = cacheFile(fake);
    expect(readFileSync(path, "utf8")).toBe(
      JSON.stringify({
        kind: "cniCacheV1",
        containerId: "c1",
        config: Buffer.from(list.raw).toString("base64"),
        ifName: "eth0",
        networkName: "lan",
        netns: "/run/netns/c1",
        cniArgs: [["IP", "10.0.0.2"]],
        capabilityArgs,
        result,
      }),
    );
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(fake.cacheDir, "results")).mode & 0o777).toBe(0o700);
    expect(statSync(fake.cacheDir).mode & 0o777).toBe(0o700);
    expect(readdirSync(fake.cacheDir, { recursive: true })).toEqual([
      "results",
      "results/lan-c1-eth0",
    ]);
  });

  test.each<[string, (parsed: NetworkList) => NetworkList]>([
    ["with a plugin more", (one) => ({ ...one, plugins: [...one.plugins, { type: "two" }] })],
    ["with other keys", (one) => ({ ...one, plugins: [{ type: "one", extra: 1 }] })],
    ["of another version", (one) => ({ ...one, cniVersion: "0.4.0" })],
    ["that must not be checked", (one) => ({ ...one, disableCheck: true })],
    ["without its text", (one) => ({ ...one, raw: "" })],
    [
      "of one plugin",
      (one) => ({ ...one, raw: '{"name":"lan","type":"old","cniVersion":"1.0.0"}' }),
    ],
  ])("has a list %s as it was run, though it was parsed as another", async (_, change) => {
    const fake = fakePlugins("one", "two");
    const changed = change(networkList(["one"], { own: "kept", cniVersions: ["0.3.1", "1.0.0"] }));
    await fake.cni().addNetworkList(changed, attachment);

    const { raw: _raw, ...run } = changed;
    expect(fake.cni().cachedConfig(list, attachment)?.list).toMatchObject(run);
    await fake.cni().delNetworkList(list, attachment);
    const configs = fake.calls().map(({ stdin: { prevResult: _prevResult, ...config } }) => config);
    const middle = configs.length / 2;
    expect(configs.slice(middle)).toEqual(configs.slice(0, middle).toReversed());
  });

  test("keeps the keys of a changed list that this library does not know", async () => {
    const fake = fakePlugins("one");
    const changed = { ...networkList(["two"], { own: "kept" }), plugins: list.plugins };
    await fake.cni().addNetworkList(changed, attachment);
    const config = fake.cni().cachedConfig(list, attachment)?.config ?? "";
    expect(JSON.parse(config)).toMatchObject({ own: "kept", plugins: [{ type: "one" }] });
  });

  test("has the result in the version of the list", async () => {
    const fake = fakePlugins("one");
    fake.answer("one", "ADD", print({ cniVersion: "0.2.0", ip4: { ip: "10.0.0.2/24" } }));
    await fake.cni().addNetworkList(list, attachment);
    expect(JSON.parse(readFileSync(cacheFile(fake), "utf8"))).toMatchObject({ result });
  });

  test("that cannot be written fails the ADD and says where", async () => {
    const fake = fakePlugins("one");
    writeFileSync(join(fake.dir, "cache"), "in the way");
    const error = await failure(fake.cni().addNetworkList(list, attachment));
    expect(error).toMatchObject({ kind: "cache", code: 5 });
    expect(error.message).toMatch(/^cannot write .*\/cache\/results\/lan-c1-eth0: E/);
  });

  test("of the temporary kind is cleared away with the attachment", async () => {
    const fake = fakePlugins("one");
    mkdirSync(fake.cacheDir);
    writeFileSync(join(fake.cacheDir, ".lan-c1-eth0~"), "half");
    await fake.cni().delNetworkList(list, attachment);
    expect(readdirSync(fake.cacheDir)).toEqual([]);
  });
});

// As `json.Marshal` of Go writes it: base64 of the file with its line breaks, no IgnoreUnknown, dns {}.
const libcniFile = JSON.stringify({
  kind: "cniCacheV1",
  containerId: "c1",
  config: Buffer.from(
    '{\n  "cniVersion": "0.4.0",\n  "name": "lan",\n  "plugins": [ { "type": "one" } ]\n}\n',
  ).toString("base64"),
  ifName: "eth0",
  networkName: "lan",
  netns: "/var/run/netns/c1",
  cniArgs: [["K8S_POD_NAME", "x"]],
  result: { cniVersion: "0.4.0", dns: {}, ips: [{ address: "10.0.0.2/24", version: "4" }] },
});

describe("a cache file of libcni's", () => {
  test("is read", async () => {
    const fake = fakePlugins("one");
    cacheFile(fake, libcniFile);
    const cni = fake.cni();

    expect(cni.cachedResult(list, attachment)).toEqual(result);
    expect(cni.cachedConfig(list, attachment)).toMatchObject({
      list: { cniVersion: "0.4.0", plugins: [{ type: "one" }] },
      rt: { netns: "/var/run/netns/c1", cniArgs: [["K8S_POD_NAME", "x"]] },
    });
    expect(cni.cachedAttachments("c1")).toMatchObject([
      { network: "lan", ifName: "eth0", netns: "/var/run/netns/c1" },
    ]);
    expect(cni.cachedAttachments("c2")).toEqual([]);

    await cni.delNetworkList(list, attachment);
    const [call] = fake.calls();
    expect(call?.stdin).toMatchObject({
      cniVersion: "0.4.0",
      prevResult: { ips: [{ version: "4" }] },
    });
    expect(call?.env["CNI_ARGS"]).toBe("K8S_POD_NAME=x");
  });

  test("of the legacy kind is a bare result", async () => {
    const fake = fakePlugins("one");
    cacheFile(fake, JSON.stringify(result));
    const cni = fake.cni();

    expect(cni.cachedResult(list, attachment)).toEqual(result);
    expect(cni.cachedConfig(list, attachment)).toBeUndefined();
    expect(cni.cachedAttachments()).toEqual([]);

    await cni.checkNetworkList(list, attachment);
    await cni.delNetworkList(list, attachment);
    expect(fake.calls().map(({ stdin }) => stdin["prevResult"])).toEqual([result, result]);
    expect(readdirSync(join(fake.cacheDir, "results"))).toEqual([]);
  });

  test("without a result still has the configuration for DEL", async () => {
    const fake = fakePlugins("one");
    cacheFile(fake, JSON.stringify({ ...JSON.parse(libcniFile), result: undefined }));
    await fake.cni().delNetworkList(networkList(["other"]), attachment);
    expect(fake.verbs()).toEqual(["DEL one"]);
    expect(fake.calls()[0]?.stdin).not.toHaveProperty("prevResult");
  });

  test("of a single plugin has that plugin's configuration", async () => {
    const fake = fakePlugins("one");
    const config = Buffer.from('{"name":"lan","cniVersion":"0.4.0","type":"one","x":1}').toString(
      "base64",
    );
    cacheFile(fake, JSON.stringify({ ...JSON.parse(libcniFile), config }));
    await fake.cni().delNetworkList(networkList(["other"]), attachment);
    expect(fake.calls()[0]?.stdin).toMatchObject({ type: "one", x: 1 });
  });
});

test("arguments that CNI_ARGS cannot hold reach DEL as they reached ADD", async () => {
  const fake = fakePlugins("one");
  cacheFile(fake, libcniFile.replace('"x"]', '"x=1"]'));
  await fake.cni().delNetworkList(list, { ...attachment, cniArgs: [["bad;", ""]] });
  expect(fake.calls()[0]?.env["CNI_ARGS"]).toBe("K8S_POD_NAME=x=1");
});

describe("a corrupt cache file", () => {
  test.each([
    ["empty", "", "the file is empty"],
    ["full of zeros", "\0".repeat(4096), "not JSON"],
    ["cut short", libcniFile.slice(0, 100), "not JSON"],
    ["a list", "[]", "not a JSON object but a list"],
    ["of an unknown kind", '{"kind":"cniCacheV2"}', 'of the unknown kind "cniCacheV2"'],
    ["without ids", '{"kind":"cniCacheV1"}', "without container id"],
    [
      "with strange arguments",
      libcniFile.replace('["K8S_POD_NAME","x"]', "1"),
      "cniArgs is not a list of pairs",
    ],
  ])("(%s) fails CHECK, but neither DEL nor the list of attachments", async (_, text, reason) => {
    const fake = fakePlugins("one");
    const path = cacheFile(fake, text);
    const cni = fake.cni();

    const error = await failure(cni.checkNetworkList(list, attachment));
    expect(error.kind).toBe("cache");
    expect(error.message).toContain(`${path}: ${reason}`);
    expect(thrown(() => cni.cachedResult(list, attachment))).toMatchObject({
      kind: "cache",
      msg: error.msg,
    });
    expect(thrown(() => cni.cachedConfig(list, attachment))).toMatchObject({
      kind: "cache",
      msg: error.msg,
    });
    expect(cni.cachedAttachments()).toEqual([]);
    expect(fake.calls()).toEqual([]);

    await cni.delNetworkList(list, attachment);
    expect(fake.verbs()).toEqual(["DEL one"]);
    expect(fake.calls()[0]?.stdin).not.toHaveProperty("prevResult");
    expect(readdirSync(join(fake.cacheDir, "results"))).toEqual([]);
  });

  test.each([
    ["no configuration", { config: "" }],
    ["what is no configuration", { config: "e30=" }],
    [
      "the configuration of another network",
      { config: Buffer.from(networkList(["two"], { name: "wan" }).raw).toString("base64") },
    ],
    ["a configuration that is a number", { config: 1 }],
  ])("with %s leaves DEL with the caller's", async (_, fields) => {
    const fake = fakePlugins("one", "two");
    cacheFile(fake, JSON.stringify({ ...JSON.parse(libcniFile), ...fields }));
    await fake.cni().delNetworkList(list, attachment);
    expect(fake.verbs()).toEqual(["DEL one"]);
  });

  test("with a result that is none leaves DEL without prevResult", async () => {
    const fake = fakePlugins("one");
    cacheFile(
      fake,
      JSON.stringify({ ...JSON.parse(libcniFile), result: { cniVersion: "1.0.0", ips: 1 } }),
    );
    await fake.cni().delNetworkList(list, attachment);
    expect(fake.calls()[0]?.stdin).not.toHaveProperty("prevResult");
  });

  test("that another attachment of the same file name has written is not read", () => {
    const fake = fakePlugins("one");
    cacheFile(fake, libcniFile.replace('"networkName":"lan"', '"networkName":"lan-c1"'));
    expect(fake.cni().cachedResult(list, attachment)).toBeUndefined();
  });

  test("in an unreadable place counts as missing for DEL", async () => {
    const fake = fakePlugins("one");
    mkdirSync(cacheFile(fake), { recursive: true });
    chmodSync(fake.cacheDir, 0o700);
    expect((await failure(fake.cni().delNetworkList(list, attachment))).kind).toBe("cache");
    expect(fake.verbs()).toEqual(["DEL one"]);
  });
});

describe("an ADD that failed half-way", () => {
  const two = networkList(["one", "two"], { cniVersion: "1.1.0" });

  async function halfAdded(): Promise<FakePlugins> {
    const fake = fakePlugins("one", "two");
    fake.answer("one", "ADD", print({ ...result, cniVersion: "1.1.0" }));
    fake.answer("two", "ADD", "exit 1");
    await failure(fake.cni().addNetworkList(two, attachment));
    return fake;
  }

  test("is nothing that is attached or can be checked", async () => {
    const fake = await halfAdded();
    const cni = fake.cni();
    expect(cni.cachedResult(two, attachment)).toBeUndefined();
    expect(cni.cachedConfig(two, attachment)).toBeUndefined();
    expect(cni.cachedAttachments()).toEqual([]);
    const error = await failure(cni.checkNetworkList(two, attachment));
    expect(error).toMatchObject({ kind: "cache", network: "lan" });
    expect(error.message).toContain("the last ADD did not succeed");
    expect(fake.verbs()).toEqual(["ADD one", "ADD two"]);
  });

  test("is told, with its result so far, to who asks for such", async () => {
    const cni = (await halfAdded()).cni();
    const expected = [{ network: "lan", containerId: "c1", ifName: "eth0", incomplete: true }];
    expect(cni.cachedAttachments("c1", { incomplete: true })).toMatchObject(expected);
    const soFar = { ...result, cniVersion: "1.1.0" };
    expect(cni.cachedResult(two, attachment, { incomplete: true })).toEqual(soFar);
    expect(cni.cachedAttachments("c2", { incomplete: true })).toEqual([]);
  });

  test.each<[string, (cni: Cni) => Promise<void>]>([
    ["DEL", (cni) => cni.delNetworkList(networkList(["other"]), attachment)],
    ["GC", (cni) => cni.gcNetworkList({ ...two, cniVersion: "1.0.0" }, { validAttachments: [] })],
  ])("is undone by %s with its configuration and its result so far", async (_, undo) => {
    const fake = await halfAdded();
    await undo(fake.cni());
    expect(fake.verbs().slice(2)).toEqual(["DEL two", "DEL one"]);
    expect(fake.calls()[2]?.stdin["prevResult"]).toEqual({ ...result, cniVersion: "1.1.0" });
    expect(readdirSync(join(fake.cacheDir, "results"))).toEqual([]);
  });

  test("is whole after an ADD that succeeds", async () => {
    const fake = await halfAdded();
    fake.answer("two", "ADD", print(result));
    await fake.cni().addNetworkList(two, attachment);
    expect(fake.cni().cachedAttachments()).toMatchObject([{ containerId: "c1" }]);
    expect(readFileSync(cacheFile(fake), "utf8")).not.toContain("incomplete");
    await fake.cni().checkNetworkList(two, attachment);
  });
});

describe("a configuration of libcni's cache, without the plugins of the list's folder,", () => {
  const given = networkList(["one", "two", "three"]);

  async function verbsOfCheckAndDel(config: string): Promise<string[]> {
    const fake = fakePlugins("one", "two", "three");
    const text = Buffer.from(config).toString("base64");
    cacheFile(fake, JSON.stringify({ ...JSON.parse(libcniFile), config: text }));
    await fake.cni().checkNetworkList(given, attachment);
    await fake.cni().delNetworkList(given, attachment);
    for (const { env } of fake.calls()) expect(env["CNI_ARGS"]).toBe("K8S_POD_NAME=x");
    return fake.verbs();
  }

  test.each([
    ["has some of them", networkList(["one"]).raw],
    ["has none of its own", '{"cniVersion":"1.0.0","name":"lan"}'],
  ])("is completed from the given list where it %s", async (_, config) => {
    expect(await verbsOfCheckAndDel(config)).toEqual([
      "CHECK one",
      "CHECK two",
      "CHECK three",
      "DEL three",
      "DEL two",
      "DEL one",
    ]);
  });

  test.each([
    ["wants no others", networkList(["one"], { loadOnlyInlinedPlugins: true }).raw],
    ["begins in another way", networkList([{ type: "one", x: 1 }]).raw],
    ["is that of a single plugin", '{"cniVersion":"1.0.0","name":"lan","type":"one"}'],
  ])("is taken as it is where it %s", async (_, config) => {
    expect(await verbsOfCheckAndDel(config)).toEqual(["CHECK one", "DEL one"]);
  });
});
