import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-install-"));
  writeFileSync(join(dir, "cni.yaml"), "");
  writeFileSync(join(dir, "daemon.json"), "{}\n");
});
afterAll(() => rmSync(dir, { recursive: true }));

/** What `install` would do, beside an engine that does not run; nothing is written. */
function dryRun(args: readonly string[], own: readonly string[] = [], verb = "install") {
  const launcher = resolve("bin/docker-cni");
  const always = [
    `--launcher=${launcher}`,
    `--hooks=${resolve("hooks")}`,
    "--runtime-path=/no/runc",
  ];
  const what = [verb, "--dry-run", "--config-file", join(dir, "daemon.json"), ...args];
  return spawnSync(
    "node_modules/.bin/node",
    ["src/main.ts", ...always, `--config=${dir}/cni.yaml`, ...own, "--", ...what],
    { encoding: "utf8", env: { ...process.env, DOCKER_HOST: "unix:///nowhere.sock" } },
  );
}

const isRoot = process.getuid?.() === 0;

test.skipIf(!isRoot).each([
  { title: "by its path alone", args: [], own: [], runtimeArgs: undefined },
  {
    title: "with a configuration of its own",
    args: [],
    own: ["--config-given"],
    runtimeArgs: ["--config", "DIR/cni.yaml", "--"],
  },
  {
    title: "with a low-level runtime of its own",
    args: ["--runtime-path", "/bin/sh"],
    own: [],
    runtimeArgs: ["--runtime-path", "/bin/sh", "--"],
  },
  {
    title: "with a folder of its own for the state",
    args: [],
    own: ["--state-dir=/srv/state"],
    runtimeArgs: ["--state-dir", "/srv/state", "--"],
  },
])("registers the launcher $title", ({ args, own, runtimeArgs }) => {
  const { stdout, stderr } = dryRun([...args, "--json"], own);
  expect(stderr).toBe("");
  const { diff }: { diff: string } = JSON.parse(stdout);
  const added = diff.split("\n").filter((line) => /^\+(?!\+)/.test(line));
  const after: unknown = JSON.parse(added.map((line) => line.slice(1)).join("\n"));
  const written = runtimeArgs?.map((each) => each.replace("DIR", dir));
  const path = resolve("bin/docker-cni");
  const runtime = written === undefined ? { path } : { path, runtimeArgs: written };
  expect(after).toEqual({ runtimes: { cni: runtime } });
  expect(readFileSync(join(dir, "daemon.json"), "utf8")).toBe("{}\n");
});

test.each([
  { args: ["--name", "runc"], told: /--name "runc": a runtime cannot be called so/ },
  { args: ["--name", "../x"], told: /--name "\.\.\/x": a runtime cannot be called so/ },
  { args: ["--runtime-path", "runc"], told: /it is no executable with its whole path/ },
  { args: ["--engine", "lxc"], told: /Allowed choices are docker, podman, containerd/ },
])("refuses $args", ({ args, told }) => {
  const { status, stderr } = dryRun(args);
  expect(status).toBe(2);
  expect(stderr).toMatch(told);
});

test("tells how containerd's clients name the runtime", () => {
  const { status, stdout } = dryRun(["--engine", "containerd"]);
  expect(status).toBe(0);
  expect(stdout).toContain(`nerdctl run --runtime ${resolve("bin/docker-cni")} --net none`);
});

test("there is nothing of containerd's to take back", () => {
  const { status, stdout } = dryRun(["--engine", "containerd"], [], "uninstall");
  expect(status).toBe(0);
  expect(stdout).toContain("containerd has no registration");
  const json = dryRun(["--engine", "containerd", "--json"], [], "uninstall");
  expect(JSON.parse(json.stdout)).toMatchObject({ engine: "containerd", changed: [], done: [] });
});

test("where nothing is registered that alone is said", () => {
  const { stdout } = dryRun(["--name", "never"], [], "uninstall");
  expect(stdout).toBe("docker-cni install has registered nothing as never there\n");
});
