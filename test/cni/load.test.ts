import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  loadAllNetworkLists,
  loadDefaultNetworkList,
  loadNetworkList,
  loadNetworkListFile,
  parseNetworkList,
} from "../../src/cni/index.ts";
import { failure, tempDir } from "./harness.ts";

const list = (name: string, extra: Record<string, unknown> = {}): string =>
  JSON.stringify({ name, cniVersion: "1.0.0", plugins: [{ type: "inlined" }], ...extra });
const single = (name: string): string =>
  JSON.stringify({ name, cniVersion: "1.0.0", type: "single" });

function configDir(files: Record<string, string>): string {
  const dir = tempDir();
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), text);
  }
  return dir;
}

describe("loading by name", () => {
  test.each([
    [
      "the first .conflist in the alphabet",
      { "20.conflist": list("lan"), "10.conflist": list("lan") },
      "10.conflist",
    ],
    [
      "a .conflist before a .conf",
      { "10.conf": single("lan"), "20.conflist": list("lan") },
      "20.conflist",
    ],
    [
      ".conf and .json in one order",
      { "20.conf": single("lan"), "10.json": single("lan") },
      "10.json",
    ],
    [
      "the one of that name",
      { "10.conflist": list("wan"), "20.conflist": list("lan") },
      "20.conflist",
    ],
    [
      "no file of another kind",
      { "10.yaml": list("lan"), "10.conflist.bak": list("lan"), "30.conf": single("lan") },
      "30.conf",
    ],
  ])("finds %s", async (_, files, expected) => {
    const dir = configDir(files);
    const loaded = await loadNetworkList(dir, "lan");
    expect(loaded.list.file).toBe(join(dir, expected));
    expect(loaded.skipped).toEqual([]);
  });

  test("passes over broken files and names them", async () => {
    const dir = configDir({
      "10.conflist": "{",
      "11.conflist": list("lan", { plugins: [] }),
      "20.conf": single("lan"),
    });
    const { skipped, list: found } = await loadNetworkList(dir, "lan");
    expect(found.plugins).toMatchObject([{ type: "single" }]);
    expect(skipped.map(({ file }) => file)).toEqual([
      join(dir, "10.conflist"),
      join(dir, "11.conflist"),
    ]);
    expect(skipped[0]?.reason).toContain("it is not JSON");
    expect(skipped[1]?.reason).toContain("no plugins in the list");
  });

  test("says what it found and what it skipped when there is no such network", async () => {
    const dir = configDir({ "10.conflist": "{}", "20.conflist": list("wan") });
    const error = await failure(loadNetworkList(dir, "lan"));
    expect(error).toMatchObject({ kind: "no-network", code: 7, network: "lan" });
    expect(error.message).toBe(
      `no network "lan" in ${dir}; found: wan; skipped ${dir}/10.conflist: invalid network configuration: no "name"`,
    );
  });

  test("of a folder that does not exist says that there is no such network", async () => {
    expect((await failure(loadNetworkList("/nowhere/net.d", "lan"))).message).toBe(
      'no network "lan" in /nowhere/net.d',
    );
  });

  test("passes over folders, dangling links and what is no regular file", async () => {
    const dir = configDir({ "lan.conflist/a.conf": "", "90.conflist": list("lan") });
    symlinkSync("/nowhere", join(dir, "10.conflist"));
    symlinkSync("/dev/zero", join(dir, "20.conflist"));
    const { skipped, list: found } = await loadNetworkList(dir, "lan");
    expect(found.file).toBe(join(dir, "90.conflist"));
    expect(skipped.map(({ reason }) => reason)).toEqual([
      "it does not exist (a dangling link?)",
      "it is not a regular file",
    ]);
  });
});

describe("loading the default network", () => {
  test("takes the first usable file of all three kinds in one order", async () => {
    const dir = configDir({
      "00.json": "broken",
      "10.conf": single("first"),
      "20.conflist": list("second"),
    });
    const { list: found, skipped } = await loadDefaultNetworkList(dir);
    expect(found.name).toBe("first");
    expect(skipped).toHaveLength(1);
    rmSync(join(dir, "10.conf"));
    expect((await loadDefaultNetworkList(dir)).list.name).toBe("second");
  });

  test("of an empty folder is an error", async () => {
    const dir = tempDir();
    expect((await failure(loadDefaultNetworkList(dir))).message).toBe(
      `no network configuration in ${dir}`,
    );
  });
});

describe("loading a file", () => {
  test.each([
    ["a list with its folder's plugins", "10.conflist", list("lan"), ["inlined", "single"]],
    ["a single plugin", "10.conf", single("lan"), ["single"]],
  ])("gives %s", async (_, name, text, types) => {
    const dir = configDir({ [name]: text, "lan/1.conf": single("x"), "00.conflist": list("wan") });
    const loaded = await loadNetworkListFile(join(dir, name));
    expect(loaded).toMatchObject({ name: "lan", file: join(dir, name) });
    expect(loaded.plugins.map(({ type }) => type)).toEqual(types);
  });

  test.each([
    ["is broken", "10.conflist", "invalid", "it is empty"],
    ["does not exist", "20.conflist", "no-network", "it does not exist"],
    ["is a folder", "30.conflist", "invalid", "it is not a regular file"],
  ])("that %s fails and names it", async (_, name, kind, reason) => {
    const dir = configDir({ "10.conflist": "", "30.conflist/file": "" });
    const error = await failure(loadNetworkListFile(join(dir, name)));
    expect(error.kind).toBe(kind);
    expect(error.message).toContain(`${join(dir, name)}: `);
    expect(error.message).toContain(reason);
  });
});

describe("folder plugins", () => {
  const plugins = {
    "lan/20.conf": '{"type":"second"}',
    "lan/10.conf": '{"type":"first"}',
    "lan/30.json": "no",
  };

  test("come behind the inlined ones, sorted, and are in the raw text too", async () => {
    const dir = configDir({ "10.conflist": list("lan", { own: "kept" }), ...plugins });
    const { list: found } = await loadNetworkList(dir, "lan");
    expect(found.plugins.map(({ type }) => type)).toEqual(["inlined", "first", "second"]);
    const { file: _file, ...rest } = found;
    expect(parseNetworkList(found.raw)).toEqual(rest);
    expect(JSON.parse(found.raw)).toMatchObject({ own: "kept" });
  });

  test("may be all that there are", async () => {
    const dir = configDir({ "10.conflist": '{"name":"lan","cniVersion":"1.0.0"}', ...plugins });
    const { list: found } = await loadNetworkList(dir, "lan");
    expect(found.plugins.map(({ type }) => type)).toEqual(["first", "second"]);
    expect(parseNetworkList(found.raw).plugins).toEqual(found.plugins);
  });

  test("are left alone with loadOnlyInlinedPlugins", async () => {
    const dir = configDir({
      "10.conflist": list("lan", { loadOnlyInlinedPlugins: "true" }),
      ...plugins,
    });
    expect((await loadNetworkList(dir, "lan")).list.plugins).toEqual([{ type: "inlined" }]);
  });

  test("that are broken break the list, and are named", async () => {
    const dir = configDir({ "10.conflist": list("lan"), "lan/10.conf": "{}" });
    const error = await failure(loadNetworkList(dir, "lan"));
    expect(error.message).toContain(
      `skipped ${dir}/10.conflist: ${dir}/lan/10.conf: invalid network configuration: no "type"`,
    );
  });

  test("that are missing leave a list without plugins, which is broken", async () => {
    const dir = configDir({ "10.conflist": '{"name":"lan"}' });
    expect((await failure(loadNetworkList(dir, "lan"))).message).toContain(
      `no plugins in the list, and none in ${dir}/lan`,
    );
  });
});

test("all networks of a folder are loaded once each, in the order in which a name would find them", async () => {
  const files = {
    "10.conf": single("b"),
    "20.conflist": list("a"),
    "30.conflist": list("b"),
    "40.json": "x",
  };
  const { lists, skipped } = await loadAllNetworkLists(configDir(files));
  expect(lists.map(({ name, plugins }) => [name, plugins[0]?.type])).toEqual([
    ["a", "inlined"],
    ["b", "inlined"],
  ]);
  expect(skipped).toHaveLength(1);
});
