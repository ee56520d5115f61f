import {
  copyFileSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { BRIDGE_PLUGIN, ownPluginExec, runsInProcess } from "../../src/bridge/self.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-self-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const put = (name: string): void => writeFileSync(join(dir, name), "#!/bin/sh\n", { mode: 0o755 });
const link = (): void => symlinkSync(realpathSync("/proc/self/exe"), join(dir, BRIDGE_PLUGIN));
const list = (...types: string[]) => ({ plugins: types.map((type) => ({ type })) });

const withIpam = (type: string) => ({ plugins: [{ type: BRIDGE_PLUGIN, ipam: { type } }] });

describe("a list of plugins runs in this process", () => {
  test("when its only plugin is a link to the program", () => {
    link();
    expect(runsInProcess(list(BRIDGE_PLUGIN), [dir])).toBe(true);
  });

  test("not when another plugin is in it", () => {
    link();
    put("tuning");
    expect(runsInProcess(list(BRIDGE_PLUGIN, "tuning"), [dir])).toBe(false);
  });

  test("not when another program gives its addresses", () => {
    link();
    expect(runsInProcess(withIpam("host-local"), [dir])).toBe(true);
    expect(runsInProcess(withIpam("dhcp"), [dir])).toBe(false);
  });

  test("not when the plugin of this name is another program's, or is not there", () => {
    expect(runsInProcess(list(BRIDGE_PLUGIN), [dir])).toBe(false);
    put(BRIDGE_PLUGIN);
    expect(runsInProcess(list(BRIDGE_PLUGIN), [dir])).toBe(false);
  });
});

test("the program's own plugin answers without a process", async () => {
  link();
  const call = { path: join(dir, BRIDGE_PLUGIN), stdin: "", timeoutMs: 1000 };
  const exit = await ownPluginExec().run({ ...call, env: { CNI_COMMAND: "VERSION" } });
  expect(exit).toMatchObject({ ended: "exited", exitCode: 0, stderr: "" });
  expect(JSON.parse(exit.stdout)).toMatchObject({
    supportedVersions: ["0.3.1", "0.4.0", "1.0.0", "1.1.0"],
  });
});

test("any other plugin is a process as ever", async () => {
  copyFileSync("/bin/true", join(dir, "tuning"));
  const call = { path: join(dir, "tuning"), env: {}, stdin: "", timeoutMs: 5000 };
  expect(ownPluginExec().isInProcess?.(call.path)).toBe(false);
  expect(await ownPluginExec().run(call)).toMatchObject({ exitCode: 0, stdout: "" });
});
