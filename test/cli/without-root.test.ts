import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const NOBODY = 65_534;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-without-root-"));
  chmodSync(dir, 0o755);
  mkdirSync(join(dir, "state/sandboxes"), { recursive: true, mode: 0o700 });
  writeFileSync(join(dir, "cni.yaml"), `state_dir: ${dir}/state\ncni_log: ${dir}/log\n`);
});
afterAll(() => rmSync(dir, { recursive: true }));

function ask(...words: string[]) {
  const own = [`--config=${dir}/cni.yaml`, "--config-given", "--runtime-path=/no/runc", "--plugin"];
  const args = ["src/main.ts", ...own, "--", ...words];
  const user = { uid: NOBODY, gid: NOBODY };
  return spawnSync("node_modules/.bin/node", args, { ...user, encoding: "utf8" });
}

/** A checkout below root's own folder is nobody's to read. */
const mayRead = (): boolean =>
  process.getuid?.() === 0 &&
  spawnSync("node_modules/.bin/node", ["--check", "src/main.ts"], { uid: NOBODY }).status === 0;

describe.skipIf(!mayRead())("who is not root", () => {
  test.each([["ls"], ["install"], ["uninstall"]])("is told so by %s", (...words) => {
    const { status, stdout, stderr } = ask(...words);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr.trimEnd()).toMatch(/^docker-cni: [^\n]*run it as root: sudo docker cni …\)$/);
  });

  test("is given help, the version, and completion without names", () => {
    expect(ask("help")).toMatchObject({ status: 0, stderr: "" });
    expect(ask("version")).toMatchObject({ status: 0, stderr: "" });
    expect(ask("__complete", "inspect", "")).toMatchObject({ status: 0, stdout: ":4\n" });
  });
});
