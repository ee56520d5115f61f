import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { flockLocker, type LockMode } from "../../src/state/lock.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-lock-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** flock(2) by flock(1), which this engine can call. */
function tryFlock(fd: number, mode: LockMode): boolean {
  const stdio = ["ignore", "ignore", "ignore", fd] as const;
  return spawnSync("flock", [`--${mode}`, "--nonblock", "3"], { stdio: [...stdio] }).status === 0;
}

describe.each([
  { way: "by flock(1) alone", locker: flockLocker() },
  { way: "by a system call where it need not wait", locker: flockLocker(async () => tryFlock) },
])("a lock $way", ({ locker }) => {
  test.each([
    { first: "exclusive", second: "exclusive", gets: false },
    { first: "exclusive", second: "shared", gets: false },
    { first: "shared", second: "exclusive", gets: false },
    { first: "shared", second: "shared", gets: true },
  ] as const)("while one holds it $first, another gets it $second: $gets", async (row) => {
    const held = await locker.lock(dir, row.first, 0);
    const other = await locker.lock(dir, row.second, 0);
    expect(other !== undefined).toBe(row.gets);
    held?.release();
    other?.release();
    const free = await locker.lock(dir, "exclusive", 0);
    expect(free).toBeDefined();
    free?.release();
  });

  test("one who waits gets it when the other lets go", async () => {
    const held = await locker.lock(dir, "exclusive", 0);
    const waiting = locker.lock(dir, "exclusive", 5000);
    setTimeout(() => held?.release(), 100);
    const got = await waiting;
    expect(got).toBeDefined();
    got?.release();
  });

  test("a process that is killed holds nothing any more", async () => {
    const holder = spawn("flock", [dir, "sleep", "60"], { stdio: "ignore", detached: true });
    await expect
      .poll(async () => {
        const lock = await locker.lock(dir, "exclusive", 0);
        lock?.release();
        return lock === undefined;
      })
      .toBe(true);
    process.kill(-(holder.pid ?? 0), "SIGKILL");
    await once(holder, "exit");
    const lock = await locker.lock(dir, "exclusive", 2000);
    expect(lock).toBeDefined();
    lock?.release();
  });

  test("a folder that was removed while another waited for it is not locked", async () => {
    const held = await locker.lock(dir, "exclusive", 0);
    const waiting = locker.lock(dir, "exclusive", 5000);
    rmSync(dir, { recursive: true });
    setTimeout(() => held?.release(), 50);
    expect(await waiting).toBeUndefined();
  });

  test("a folder that was made anew while another waited is locked in its new form", async () => {
    const held = await locker.lock(dir, "exclusive", 0);
    const waiting = locker.lock(dir, "exclusive", 5000);
    rmSync(dir, { recursive: true });
    mkdirSync(dir);
    setTimeout(() => held?.release(), 50);
    const got = await waiting;
    expect(got).toBeDefined();
    expect(await locker.lock(dir, "exclusive", 0)).toBeUndefined();
    got?.release();
  });

  test("who wants it behind a gate waits for those who are in the gate", async () => {
    const gate = join(dir, "gate");
    mkdirSync(gate);
    const inGate = await locker.lock(gate, "exclusive", 0);
    expect(await locker.lock(dir, "shared", 50, gate)).toBeUndefined();
    const waiting = locker.lock(dir, "shared", 5000, gate);
    setTimeout(() => inGate?.release(), 50);
    const got = await waiting;
    expect(got).toBeDefined();
    const next = await locker.lock(dir, "shared", 0, gate);
    expect(next).toBeDefined();
    next?.release();
    got?.release();
  });

  test("who waits behind a gate waits as long as the queue moves, and no longer", async () => {
    const gate = join(dir, "gate");
    mkdirSync(gate);
    const lock = (timeoutMs: number) => locker.lock(dir, "exclusive", timeoutMs, gate);
    const takeTurn = async (): Promise<boolean> => {
      const held = await lock(1500);
      await new Promise((done) => setTimeout(done, 500));
      held?.release();
      return held !== undefined;
    };
    const turns = await Promise.all(Array.from({ length: 6 }, takeTurn));
    expect(turns).toEqual(Array.from({ length: 6 }, () => true));
    const held = await lock(0);
    expect(await lock(300)).toBeUndefined();
    held?.release();
  });
});

test.each([
  { title: "calls flock(2) itself", env: {}, prints: "true,true,false" },
  { title: "does without where it may make no code", env: { BUN_JSC_useJIT: "0" }, prints: "none" },
])("the program's engine $title", ({ env, prints }) => {
  const script = `
    import { openSync } from "node:fs";
    import { nativeFlock } from ${JSON.stringify(resolve("src/lib/libc.ts"))};
    const tryFlock = await nativeFlock();
    const modes = ["shared", "shared", "exclusive"];
    const lock = (mode) => tryFlock(openSync(${JSON.stringify(dir)}, "r"), mode);
    console.log(tryFlock === undefined ? "none" : modes.map(lock).join());`;
  const bun = resolve("node_modules/.bin/bun");
  const { stdout, stderr } = spawnSync(bun, ["--eval", script], {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  expect({ stdout, stderr }).toEqual({ stdout: `${prints}\n`, stderr: "" });
});
