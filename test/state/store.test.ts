import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { SandboxRecord } from "../../src/state/record.ts";
import { fileStore } from "../../src/state/store.ts";

const record: SandboxRecord = {
  version: 1,
  id: "c1",
  state: "creating",
  netns: "c1",
  bootId: "b",
  createdAt: "2026-01-01T00:00:00Z",
  keep: false,
  runtimeDir: "/run/r/c1",
  attachments: [],
};

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-store-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

test("a record is read as it was written, in files that only root may read", () => {
  const store = fileStore(dir);
  store.prepare("c1");
  store.write(record);
  expect(store.read("c1")).toEqual(record);
  expect(store.list()).toEqual(["c1"]);
  expect(statSync(store.pathOf("c1")).mode & 0o777).toBe(0o700);
  expect(statSync(join(store.pathOf("c1"), "record.json")).mode & 0o777).toBe(0o600);
  expect(readdirSync(store.pathOf("c1"))).toEqual(["record.json", "runtime"]);
});

test.each([
  { title: "a state of another version", change: { state: "lent" } },
  { title: "a state of its ports of another version", change: { ports: "lent" } },
  { title: "another version", change: { version: 2 } },
  { title: "no attachments", change: { attachments: undefined } },
])("a record with $title is unreadable, and not half understood", ({ change }) => {
  const store = fileStore(dir);
  store.prepare("c1");
  writeFileSync(join(store.pathOf("c1"), "record.json"), JSON.stringify({ ...record, ...change }));
  expect(store.read("c1")).toBe("unreadable");
});

test("where the container's folders are is told without the record too", () => {
  const store = fileStore(dir);
  store.prepare("c1");
  store.write({ ...record, containerDir: "/containers/c1" });
  writeFileSync(join(store.pathOf("c1"), "record.json"), "");
  expect(store.links("c1")).toEqual({ containerDir: "/containers/c1", runtimeDir: "/run/r/c1" });
  expect(store.links("c2")).toEqual({});
});

test("a removal that failed is noted with the time of the next one", () => {
  const store = fileStore(dir);
  store.prepare("c1");
  expect(store.readRetry("c1")).toBeUndefined();
  const retry = { attempts: 2, error: "no bridge", nextAt: 2_000_000_000_000 };
  store.writeRetry("c1", retry);
  expect(store.readRetry("c1")).toEqual(retry);
});

test.each([
  { title: "in this boot, by the uptime", mark: undefined, mtime: 0, ms: 0 },
  { title: "in another boot, by the clock", mark: "other 17.5", mtime: -60_000, ms: 60_000 },
  { title: "at a time that is yet to come, as none", mark: "other 17.5", mtime: 60_000, ms: 0 },
])("how long a container is stopped is told $title", ({ mark, mtime, ms }) => {
  const store = fileStore(dir);
  store.prepare("c1");
  store.markStopped("c1");
  const file = join(store.pathOf("c1"), "stopped");
  if (mark !== undefined) writeFileSync(file, mark);
  utimesSync(file, new Date(), new Date(mark === undefined ? 0 : Date.now() + mtime));
  expect(Math.abs((store.stoppedFor("c1") ?? -1) - ms)).toBeLessThan(5000);
});

test.each([
  { title: "goes with the sandbox", sandbox: "sandboxes/c1", made: true, stays: false },
  { title: "stays when it is of another sandbox", sandbox: "others/c1", made: true, stays: true },
  {
    title: "stays while the container is made anew",
    sandbox: "sandboxes/c1",
    made: false,
    stays: true,
  },
])("the note of the runtime $title", ({ sandbox, made, stays }) => {
  const store = fileStore(dir, join(dir, "notes"));
  store.prepare("c1");
  store.write(record);
  store.runtimeNotes.write(
    { root: "/run/r", id: "c1" },
    { path: "/r", sandbox: join(dir, sandbox) },
  );
  const file = join(dir, "notes/:run:r:c1");
  if (made) writeFileSync(file, readFileSync(file, "utf8").replace(/\d+ \d+\n$/, "0 0\n"));
  store.remove("c1");
  expect(existsSync(file)).toBe(stays);
});

test("a removed sandbox leaves nothing", () => {
  const store = fileStore(dir);
  store.prepare("c1");
  store.write(record);
  store.markStopped("c1");
  store.remove("c1");
  expect(readdirSync(store.dir)).toEqual([]);
});

test("a store that was never written to is empty", () => {
  const store = fileStore(join(dir, "none"));
  expect(store.list()).toEqual([]);
  expect(store.read("c1")).toBeUndefined();
  expect(store.stoppedAt("c1")).toBeUndefined();
});

test.each([
  { title: "empty", text: "" },
  { title: "cut in half", text: JSON.stringify(record).slice(0, 60) },
  { title: "of a newer program", text: JSON.stringify({ ...record, version: 2 }) },
  { title: "null", text: "null" },
  { title: "without attachments", text: JSON.stringify({ ...record, attachments: 1 }) },
])("a record that is $title is told as unreadable, and stays", ({ text }) => {
  const store = fileStore(dir);
  store.prepare("c1");
  writeFileSync(join(store.pathOf("c1"), "record.json"), text);
  expect(store.read("c1")).toBe("unreadable");
  expect(readdirSync(store.pathOf("c1"))).toEqual(["record.json"]);
});

test("a stop is marked with its time, and forgotten by the next start", () => {
  const store = fileStore(dir);
  store.prepare("c1");
  store.markStopped("c1");
  expect(Math.abs(Date.now() - (store.stoppedAt("c1") ?? 0))).toBeLessThan(5000);
  store.clearStopped("c1");
  expect(store.stoppedAt("c1")).toBeUndefined();
});

test("a state folder that cannot be made says which, and what it needs", () => {
  writeFileSync(join(dir, "file"), "");
  const store = fileStore(join(dir, "file"));
  expect(() => store.prepare("c1")).toThrow(/cannot write .*file\/sandboxes\/c1: ENOTDIR/);
  mkdirSync(join(dir, "sandboxes"), { recursive: true });
});
