import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { install, type Installation, REPOSITORY } from "./installation.ts";

/**
 * What the path of every container may cost, in counts that do not depend on the machine's mood. A number here is raised only with
 * a figure of the bench that says what it buys.
 */
const BUDGET = {
  createModules: 102,
  createBytes: 130_000,
  createSystemCalls: 700,
};

/** How long building the program may take, ms. */
const BUILD_MS = 60_000;

const isRoot = process.getuid?.() === 0;
const strace = spawnSync("sh", ["-c", "command -v strace"], { encoding: "utf8" }).stdout.trim();

// Names of namespaces are in /run/netns, which is root's.
describe.skipIf(!isRoot)("the cost of a call", () => {
  let installation: Installation;
  beforeAll(() => {
    // The first namespace after a boot makes /run/netns a mount of its own, by `ip netns`.
    for (const verb of ["add", "delete"]) spawnSync("ip", ["netns", verb, "budget-first"]);
    installation = install();
  }, BUILD_MS);
  beforeEach(() => installation.reset());
  afterAll(() => installation.remove());

  test.each(["state", "start", "exec", "kill", "delete", "features"])(
    "%s costs the low-level runtime and nothing else",
    (command) => {
      installation.call(command, "some-container");
      expect(installation.commandsRun()).toEqual(["runc"]);
    },
  );

  test("create costs the plugin and the runtime", () => {
    installation.call(...installation.create);
    expect(installation.commandsRun().toSorted()).toEqual(["bridge", "runc"]);
  });

  test.each([
    ["keep", []],
    ["release", ["flock"]],
  ] as const)("the hook of %s costs %j, and leaves the rest behind", async (mode, commands) => {
    // Not where the creates before may still have something collected.
    const state = join(installation.dir, "hooked");
    const sandbox = join(state, "sandboxes/c1");
    for (const dir of [sandbox, join(state, "over")]) mkdirSync(dir, { recursive: true });
    // Who holds on to the hook's streams would let its caller wait.
    const sleeps = join(installation.dir, "sleeps");
    writeFileSync(sleeps, "");
    installation.hook(mode, sandbox);
    expect(installation.commandsRun().filter((name) => name !== "sleep")).toEqual(commands);
    expect(existsSync(join(sandbox, "stopped"))).toBe(true);
    await expect.poll(() => installation.commandsRun()).toContain("sleep");
    rmSync(sandbox, { recursive: true });
    rmSync(sleeps);
  });

  test.skipIf(strace === "")(
    `create makes at most ${BUDGET.createSystemCalls} system calls of its own`,
    () => {
      const { env, program, dir } = installation;
      const summary = join(dir, "strace");
      const { status } = spawnSync(strace, ["-c", "-o", summary, ...program], { env });
      expect(status).toBe(0);
      const total = /^\s*100\.00\s+\S+\s+\S+\s+(\d+)/m.exec(readFileSync(summary, "utf8"));
      expect(Number(total?.[1])).toBeLessThanOrEqual(BUDGET.createSystemCalls);
    },
  );

  // A power cut takes the namespace and the processes with it, and not what plugins write to disk.
  test.skipIf(strace === "")(
    "create makes its record safe from a power cut before it starts a plugin, and starts the runtime before that",
    () => {
      const { env, program, dir } = installation;
      const trace = join(dir, "strace");
      const flags = ["-f", "-y", "-e", "trace=fsync,execve", "-o", trace];
      expect(spawnSync(strace, [...flags, ...program], { env }).status).toBe(0);
      const calls = [
        ...readFileSync(trace, "utf8").matchAll(
          /execve\("[^"]*\/(runc|bridge)"|fsync\(\d+<[^>]*\/(record\.json)>/g,
        ),
      ].map(([, command, file]) => command ?? file);
      expect(calls.slice(0, 3)).toEqual(["runc", "record.json", "bridge"]);
    },
  );
});

test(`create loads at most ${BUDGET.createModules} modules of ${BUDGET.createBytes} bytes`, () => {
  const dir = mkdtempSync(join(tmpdir(), "docker-cni-budget-"));
  try {
    const { modules, bytes } = loadedAtOnce(dir);
    expect(modules).toBeLessThanOrEqual(BUDGET.createModules);
    expect(bytes).toBeLessThanOrEqual(BUDGET.createBytes);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

interface Metafile {
  outputs: Record<
    string,
    {
      bytes: number;
      entryPoint?: string;
      inputs: Record<string, unknown>;
      imports: { path: string; kind: string }[];
    }
  >;
}

/** What the program loads before it knows what it was called for: the rest is in chunks of their own. */
function loadedAtOnce(dir: string): { modules: number; bytes: number } {
  const metafile = join(dir, "metafile.json");
  const flags = ["--target=bun", "--minify", "--splitting", `--metafile=${metafile}`];
  const bun = join(REPOSITORY, "node_modules/.bin/bun");
  execFileSync(bun, ["build", ...flags, `--outdir=${dir}`, join(REPOSITORY, "src/main.ts")], {
    stdio: "ignore",
  });
  const { outputs }: Metafile = JSON.parse(readFileSync(metafile, "utf8"));
  const main = Object.entries(outputs).find(([, { entryPoint }]) =>
    entryPoint?.endsWith("src/main.ts"),
  );
  const loaded = new Set([main?.[0] ?? ""]);
  for (const chunk of loaded) {
    for (const { path, kind } of outputs[chunk]?.imports ?? []) {
      if (kind === "import-statement" && path in outputs) loaded.add(path);
    }
  }
  const chunks = [...loaded].map((chunk) => outputs[chunk]);
  return {
    modules: chunks.reduce((sum, chunk) => sum + Object.keys(chunk?.inputs ?? {}).length, 0),
    bytes: chunks.reduce((sum, chunk) => sum + (chunk?.bytes ?? 0), 0),
  };
}
