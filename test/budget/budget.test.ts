import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { install, type Installation } from "./installation.ts";

/**
 * What the path of every container may cost, in counts that do not depend on the machine's mood. A number here is raised only with
 * a figure of the bench that says what it buys.
 */
const BUDGET = {
  bundleBytes: 560_000,
  nodeModules: 145,
  createSystemCalls: 1450,
};

const isRoot = process.getuid?.() === 0;
const strace = spawnSync("sh", ["-c", "command -v strace"], { encoding: "utf8" }).stdout.trim();

// Names of namespaces are in /run/netns, which is root's.
describe.skipIf(!isRoot)("the cost of a call", () => {
  let installation: Installation;
  beforeAll(async () => {
    // The first namespace after a boot makes /run/netns a mount of its own, by `ip netns`.
    for (const verb of ["add", "delete"]) spawnSync("ip", ["netns", verb, "budget-first"]);
    installation = await install();
  });
  beforeEach(() => installation.reset());
  afterAll(() => installation.remove());

  test.each(["state", "start", "exec", "kill", "delete", "features"])(
    "%s costs the low-level runtime and nothing else",
    (command) => {
      installation.call(command, "some-container");
      expect(installation.commandsRun()).toEqual(["runc"]);
    },
  );

  test("create costs three locks, one for the namespace, the plugin and the runtime", () => {
    installation.call(...installation.create);
    expect(installation.commandsRun().toSorted()).toEqual([
      "bridge",
      "flock",
      "flock",
      "flock",
      "runc",
      "unshare",
    ]);
  });

  test.each(["keep", "release"])("the hook of %s leaves one process behind", async (mode) => {
    const sandbox = join(installation.dir, "sandbox");
    mkdirSync(sandbox, { recursive: true });
    installation.hook(mode, sandbox);
    await expect.poll(() => installation.commandsRun()).toEqual(["setsid"]);
  });

  test(`create loads at most ${BUDGET.nodeModules} of Node's modules`, () => {
    const preload = join(installation.dir, "preload.cjs");
    const count = join(installation.dir, "count");
    writeFileSync(
      preload,
      `process.on("exit", () => require("node:fs").writeFileSync(${JSON.stringify(count)},
        String(process.moduleLoadList.filter((name) => name.startsWith("NativeModule ")).length)));`,
    );
    const { env, program } = installation;
    const { status } = spawnSync(process.execPath, ["--require", preload, ...program], { env });
    expect(status).toBe(0);
    expect(Number(readFileSync(count, "utf8"))).toBeLessThanOrEqual(BUDGET.nodeModules);
  });

  test.skipIf(strace === "")(
    `create makes at most ${BUDGET.createSystemCalls} system calls of its own`,
    () => {
      const { env, program, dir } = installation;
      const summary = join(dir, "strace");
      const { status } = spawnSync(strace, ["-c", "-o", summary, process.execPath, ...program], {
        env,
      });
      expect(status).toBe(0);
      const total = /^\s*100\.00\s+\S+\s+\S+\s+(\d+)/m.exec(readFileSync(summary, "utf8"));
      expect(Number(total?.[1])).toBeLessThanOrEqual(BUDGET.createSystemCalls);
    },
  );

  test(`the program is at most ${BUDGET.bundleBytes} bytes of JavaScript`, () => {
    const { size } = statSync(join(installation.dir, "dist/docker-cni.cjs"));
    expect(size).toBeLessThanOrEqual(BUDGET.bundleBytes);
  });
});
