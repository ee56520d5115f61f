import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { mountNewNetns, unmountNetns } from "../../src/netns/native.ts";
import { ipNetns } from "../../src/netns/netns.ts";

const isRoot = process.getuid?.() === 0;
const name = `unit-native-${process.pid}`;
const path = `/run/netns/${name}`;

/** Runs a function of native.ts in the program's engine, and tells what it gave and the namespace that the engine is in then. */
function inEngine(call: string): { gave: string; isHome: boolean } {
  const script = `
    import { readlinkSync } from "node:fs";
    import * as native from ${JSON.stringify(resolve("src/netns/native.ts"))};
    const gave = await native.${call};
    console.log([gave, readlinkSync("/proc/thread-self/ns/net")].join(" "));`;
  const bun = resolve("node_modules/.bin/bun");
  const { stdout, stderr } = spawnSync(bun, ["--eval", script], { encoding: "utf8" });
  if (stderr !== "") throw new Error(stderr);
  const [gave = "", netns] = stdout.trim().split(" ");
  const own = spawnSync("readlink", ["/proc/self/ns/net"], { encoding: "utf8" }).stdout.trim();
  return { gave, isHome: netns === own };
}

describe.skipIf(!isRoot)("a network namespace made by system calls", () => {
  beforeEach(() => {
    // The first name after a boot makes /run/netns a mount of its own.
    for (const verb of ["add", "delete"]) spawnSync("ip", ["netns", verb, name]);
  });
  afterEach(() => {
    spawnSync("umount", [path]);
    rmSync(path, { force: true });
  });

  test("has loopback up, leaves the engine where it was, and goes without a trace", () => {
    writeFileSync(path, "");
    const call = `mountNewNetns(${JSON.stringify(path)})`;
    expect(inEngine(call)).toEqual({ gave: "true", isHome: true });
    const { stdout } = spawnSync("ip", ["-n", name, "-brief", "link"], { encoding: "utf8" });
    expect(stdout).toMatch(/^lo +UNKNOWN .*UP[^\n]*\n$/);
    expect(inEngine(`unmountNetns(${JSON.stringify(path)})`).gave).toBe("true");
    expect(existsSync(path)).toBe(false);
  });

  test("is none where there is no file to mount it on", () => {
    const call = 'mountNewNetns("/run/netns/no/such/file")';
    expect(inEngine(call)).toEqual({ gave: "false", isHome: true });
  });

  test("is not removed where none is mounted", () => {
    writeFileSync(path, "");
    expect(inEngine(`unmountNetns(${JSON.stringify(path)})`).gave).toBe("false");
    expect(existsSync(path)).toBe(true);
  });

  test("that another is mounted over is left to commands to remove", () => {
    writeFileSync(path, "");
    for (const _ of [1, 2]) spawnSync("mount", ["--bind", "/proc/self/ns/net", path]);
    expect(inEngine(`unmountNetns(${JSON.stringify(path)})`).gave).toBe("false");
    expect(existsSync(path)).toBe(true);
  });

  test("is left to commands under an engine that cannot", async () => {
    writeFileSync(path, "");
    expect([await mountNewNetns(path), await unmountNetns(path)]).toEqual([false, false]);
  });

  test("has room for a stand-in of every lost interface", async () => {
    const netns = ipNetns("/nonexistent/state");
    await netns.add(name);
    try {
      await netns.addStandIn(name, "eth0", ["10.1.0.2/24"]);
      await netns.addStandIn(name, "eth1", ["10.2.0.2/24"]);
      expect(await netns.hasLink(name, "eth1")).toBe(true);
    } finally {
      await netns.remove(name);
    }
  });

  test("is entered for as long as something is read there, and left again", () => {
    spawnSync("ip", ["netns", "add", name]);
    const read = '() => require("node:fs").readlinkSync("/proc/thread-self/ns/net")';
    const { gave, isHome } = inEngine(`insideNetns(${JSON.stringify(path)}, ${read})`);
    const own = spawnSync("readlink", ["/proc/self/ns/net"], { encoding: "utf8" }).stdout.trim();
    expect(gave).toMatch(/^net:/);
    expect(gave).not.toBe(own);
    expect(isHome).toBe(true);
  });
});
