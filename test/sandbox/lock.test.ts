import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { flockLocker } from "../../src/sandbox/lock.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-lock-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const locker = flockLocker();

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
