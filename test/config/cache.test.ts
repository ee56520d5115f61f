import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type CacheOptions, loadCachedConfig } from "../../src/config/cache.ts";
import { loadConfig } from "../../src/config/load.ts";

let dir: string;
let file: string;
let loads: number;
let cache: CacheOptions;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-config-"));
  file = join(dir, "cni.yaml");
  loads = 0;
  cache = {
    file: join(dir, "run/config.json"),
    load: async (name, options) => {
      loads += 1;
      return loadConfig(name, options);
    },
  };
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Writes the file and waits until it is no longer fresh. */
async function settled(text: string): Promise<void> {
  writeFileSync(file, text);
  const { ctimeMs } = statSync(file);
  while (Date.now() - ctimeMs < 1050) await new Promise((resolve) => setTimeout(resolve, 20));
}

const load = (): ReturnType<typeof loadCachedConfig> => loadCachedConfig(file, {}, cache);

describe("the configuration", () => {
  test("is parsed once as long as the file is the same, and is the same then", async () => {
    await settled("cni_ifname: net0\nkeep_for: 24h\n");
    const first = await load();
    expect(await load()).toEqual(first);
    expect(first).toEqual(loadConfig(file));
    expect(loads).toBe(1);
  });

  test("is parsed again when the file has changed, though its size and its time are the old ones", async () => {
    await settled("cni_ifname: net0\n");
    await load();
    const { atime, mtime } = statSync(file);
    writeFileSync(file, "cni_ifname: net1\n");
    utimesSync(file, atime, mtime);
    expect(await load()).toMatchObject({ ifName: "net1" });
  });

  test("of a file that has just changed is not kept", async () => {
    writeFileSync(file, "cni_ifname: net0\n");
    await load();
    await load();
    expect(loads).toBe(2);
  });

  test("that is missing is the defaults until there is one", async () => {
    const optional = () => loadCachedConfig(file, { optional: true }, cache);
    expect(await optional()).toMatchObject({ ifName: "eth0" });
    expect(await optional()).toMatchObject({ ifName: "eth0" });
    expect(loads).toBe(1);
    writeFileSync(file, "cni_ifname: net0\n");
    expect(await optional()).toMatchObject({ ifName: "net0" });
  });

  test("of several files is parsed once each, and those that were read last are kept", async () => {
    const files = Array.from({ length: 5 }, (_, place) => join(dir, `${place}.yaml`));
    for (const each of files) writeFileSync(each, "");
    await settled("cni_ifname: net0\n");
    const other = (name = ""): ReturnType<typeof load> => loadCachedConfig(name, {}, cache);
    for (const name of [file, ...files.slice(0, 3), ...files.slice(0, 3), file]) await other(name);
    expect(loads).toBe(4);
    expect(await load()).toMatchObject({ ifName: "net0" });
    for (const name of files.slice(3)) await other(name);
    expect(loads).toBe(6);
    const kept: unknown = JSON.parse(readFileSync(cache.file, "utf8"));
    expect(kept).toHaveLength(4);
  });

  test("that is wrong stays wrong", async () => {
    await settled("cni_ifnam: net0\n");
    await expect(load()).rejects.toThrow(/did you mean cni_ifname/);
    await expect(load()).rejects.toThrow(/did you mean cni_ifname/);
  });

  test.each(["", "{", "null", "{}", '[{"key":"another","config":{}}]'])(
    "is parsed where what was kept is %j",
    async (text) => {
      await settled("cni_ifname: net0\n");
      await load();
      writeFileSync(cache.file, text);
      expect(await load()).toMatchObject({ ifName: "net0" });
    },
  );

  test("is kept for root alone, and where nothing can be kept it works too", async () => {
    await settled("cni_ifname: net0\n");
    await load();
    expect(statSync(cache.file).mode & 0o777).toBe(0o600);
    expect(readFileSync(cache.file, "utf8")).toContain("net0");
    const nowhere = { ...cache, file: "/proc/no/config.json" };
    expect(await loadCachedConfig(file, {}, nowhere)).toMatchObject({ ifName: "net0" });
  });
});
