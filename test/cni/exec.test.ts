import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { realPluginExec, type PluginCall, type PluginExit } from "../../src/cni/index.ts";
import { openStdioFiles } from "../../src/cni/stdio-files.ts";
import { tempDir } from "./harness.ts";

async function runScript(
  script: string,
  call: Partial<PluginCall> = {},
  exec = realPluginExec(),
): Promise<PluginExit & { ms: number }> {
  const path = join(tempDir(), "plugin");
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const start = performance.now();
  const exit = await exec.run({
    path,
    env: process.env,
    stdin: "input",
    timeoutMs: 10_000,
    ...call,
  });
  return { ...exit, ms: performance.now() - start };
}

describe("a plugin that runs", () => {
  test.each([
    ["stdin", "cat"],
    ["/dev/stdin, as scripts do", "cat /dev/stdin"],
    ["/dev/stdin, and writes by name", "cat /dev/stdin >/dev/stdout"],
    ["stdin in two halves", "head -c 2; cat"],
  ])("reads %s", async (_, script) => {
    expect(await runScript(script)).toMatchObject({
      ended: "exited",
      exitCode: 0,
      signal: null,
      stdout: "input",
    });
  });

  test("may print by number and by name in turn", async () => {
    const { stdout } = await runScript("echo a; echo b >>/dev/stdout; echo c");
    expect(stdout).toBe("a\nb\nc\n");
  });

  test("need not read its input, however long", async () => {
    expect(await runScript("echo ok", { stdin: "x".repeat(1 << 20) })).toMatchObject({
      exitCode: 0,
      stdout: "ok\n",
    });
  });

  test("may print a megabyte, and be given one", async () => {
    const stdin = "ä".repeat(1 << 19);
    const { stdout } = await runScript("cat", { stdin });
    expect(stdout === stdin).toBe(true);
  });

  test("keeps its stderr, of which the end counts", async () => {
    const { stderr } = await runScript(
      "echo first >&2; yes | head -c 200000 >&2; echo last >/dev/stderr; echo more >&2",
    );
    expect(stderr.length).toBeLessThanOrEqual(64 * 1024);
    expect(stderr).toContain("last\nmore\n");
  });

  test("has the exit status or signal that it died of", async () => {
    expect(await runScript("exit 7")).toMatchObject({ ended: "exited", exitCode: 7, signal: null });
    expect(await runScript("kill -SEGV $$")).toMatchObject({
      ended: "exited",
      exitCode: null,
      signal: "SIGSEGV",
    });
  });

  test("is not waited for any longer when it leaves a child behind that holds its output open", async () => {
    const { ms, ...exit } = await runScript("sleep 20 & echo $! >&2; echo done");
    process.kill(Number(exit.stderr));
    expect(exit).toMatchObject({ ended: "exited", exitCode: 0, stdout: "done\n" });
    expect(ms).toBeLessThan(5000);
  });
});

describe("a plugin that is stopped", () => {
  test("after its time is killed with all its children", async () => {
    const { stderr, ms, ...exit } = await runScript("sleep 30 & echo $! >&2; wait", {
      timeoutMs: 200,
    });
    expect(exit).toMatchObject({ ended: "timeout", signal: "SIGKILL" });
    expect(ms).toBeLessThan(5000);
    await gone(Number(stderr));
  });

  test("cannot ignore it", async () => {
    const { ended } = await runScript("trap '' TERM INT HUP; while :; do sleep 0.05; done", {
      timeoutMs: 200,
    });
    expect(ended).toBe("timeout");
  });

  test("by its caller's signal is killed too", async () => {
    const { ended, ms } = await runScript("sleep 30", { signal: AbortSignal.timeout(100) });
    expect(ended).toBe("aborted");
    expect(ms).toBeLessThan(5000);
  });

  test("in its caller's process group is killed alone", async () => {
    const exec = realPluginExec({ ownGroup: false });
    const script = "cat /proc/$$/stat; exec sleep 30";
    const { ended, signal, stdout } = await runScript(script, { timeoutMs: 300 }, exec);
    expect({ ended, signal }).toEqual({ ended: "timeout", signal: "SIGKILL" });
    expect(groupOf(stdout)).toBe(groupOf(readFileSync("/proc/self/stat", "utf8")));
  });

  test("because it prints without end", async () => {
    const { ended, stdout } = await runScript("exec yes", { timeoutMs: 10_000 });
    expect([ended, stdout]).toEqual(["overflow", ""]);
  });
});

test("input and output go to the next folder when the first is full or missing", () => {
  const files = openStdioFiles("x", ["/nowhere", "/proc", tempDir()]);
  expect(readFileSync(`/proc/self/fd/${files.fds[0]}`, "utf8")).toBe("x");
  files.close();
  expect(() => openStdioFiles("x", ["/nowhere"])).toThrow("ENOENT");
});

/** The process group in the text of /proc/PID/stat. */
function groupOf(stat: string): string | undefined {
  return stat.split(") ")[1]?.split(" ")[2];
}

async function gone(pid: number): Promise<void> {
  for (let tries = 0; tries < 50 && existsSync(`/proc/${pid}`); tries++) await sleep(20);
  const state = existsSync(`/proc/${pid}/stat`)
    ? readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[2]
    : "gone";
  expect(["gone", "Z"]).toContain(state);
}
