import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseCreateCall } from "../../src/runtime/args.ts";
import { processRuntime } from "../../src/runtime/lowlevel.ts";

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-lowlevel-"));
  path = join(dir, "runc");
  const seen = join(dir, "seen");
  writeFileSync(
    path,
    `#!/bin/sh\necho "$(ulimit -S -n) \${LISTEN_PID:-none} $$ $*" >${seen}\nexit 3\n`,
  );
  chmodSync(path, 0o755);
});
afterEach(() => rmSync(dir, { recursive: true }));

const OWN = /^Max open files\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? "";

async function run(openFiles: string | undefined, env: NodeJS.ProcessEnv = {}) {
  const runtime = processRuntime({ path, env, fds: [], openFiles });
  const call = parseCreateCall(["--root", "a b", "create", "c1"]);
  expect(await runtime.run(call)).toBe(3);
  const [limit, listenPid, pid, ...args] = readFileSync(join(dir, "seen"), "utf8")
    .trim()
    .split(" ");
  expect(args.join(" ")).toBe("--root a b create c1");
  return { limit, listens: listenPid === pid };
}

describe("the low-level runtime", () => {
  test.each([
    { title: "the soft limit of open files that the engine called with", told: "64", limit: "64" },
    { title: "this process's own where none was told", told: undefined, limit: OWN },
    { title: "this process's own where what was told is no number", told: "x; false", limit: OWN },
  ])("has $title", async ({ told, limit }) => {
    expect(await run(told)).toEqual({ limit, listens: false });
  });

  test("is the process that systemd's descriptors are for where this one was", async () => {
    const env = { LISTEN_PID: String(process.pid), LISTEN_FDS: "0" };
    expect(await run("64", env)).toEqual({ limit: "64", listens: true });
    expect(await run("64", { LISTEN_PID: "1" })).toEqual({ limit: "64", listens: false });
  });
});
