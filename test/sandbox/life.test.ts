import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { CniError, type Result } from "../../src/cni/index.ts";
import { attachNew, lockSandbox, findKeptSandbox } from "../../src/sandbox/life.ts";
import { reattach } from "../../src/sandbox/rebuild.ts";
import type { SandboxRecord } from "../../src/state/record.ts";
import { attachment, keptRecord, RESULT, useBench } from "./context.ts";

const bench = useBench();
const exhausted = new CniError({
  kind: "plugin",
  msg: "no IP addresses available",
  plugin: "bridge",
});
const duplicate = new CniError({ kind: "plugin", msg: "duplicate allocation is not allowed" });
const macless = new CniError({
  kind: "plugin",
  msg: `failed to set bridge addr: could not set bridge's mac: invalid argument`,
  plugin: "bridge",
});

beforeEach(() => mkdirSync(join(bench.current.dir, "containers/c1"), { recursive: true }));

function write(record: SandboxRecord): SandboxRecord {
  const { store } = bench.current.context;
  store.prepare(record.id);
  store.write(record);
  return record;
}

/** A container whose folder is not there. */
function removed(id: string): SandboxRecord {
  const containerDir = join(bench.current.dir, "containers", id);
  return keptRecord(bench.current, { id, netns: id, containerDir });
}

function newRecord(): SandboxRecord {
  const attachments = [{ ...attachment, addresses: [] }];
  return keptRecord(bench.current, { id: "c2", netns: "c2", state: "creating", attachments });
}

function giving(address: string): Result {
  return { ...RESULT, ips: [{ address }] };
}

describe("an ADD that fails", () => {
  test("is tried again when a container is gone that held something", async () => {
    const { context, events, results } = bench.current;
    write(removed("gone"));
    results.push(exhausted);
    await attachNew(context, write(newRecord()));
    expect(events.filter((event) => event === "ADD")).toHaveLength(2);
    expect(context.store.list()).toEqual(["c2"]);
  });

  test.each([
    { title: "it is for a lease of its own", fault: duplicate },
    { title: "an earlier one left its bridge without a MAC", fault: macless },
  ])("is tried again when $title", async ({ fault }) => {
    const { context, events, results } = bench.current;
    results.push(fault);
    await attachNew(context, write(newRecord()));
    expect(events).toEqual(["ADD", "DEL", "ADD"]);
  });

  test.each([
    { title: "when nobody is gone", fault: exhausted, gone: false },
    {
      title: "for a fault of another kind",
      fault: new CniError({ kind: "not-found", msg: "?" }),
      gone: true,
    },
  ])("is not tried again $title", async ({ fault, gone }) => {
    const { context, events, results } = bench.current;
    if (gone) write(removed("gone"));
    results.push(fault);
    await expect(attachNew(context, write(newRecord()))).rejects.toBe(fault);
    expect(events).toEqual(["ADD"]);
  });

  test("is tried again when another process is at releasing what held something", async () => {
    const { context, events, results } = bench.current;
    write(removed("gone"));
    const lock = await context.locker.lock(context.store.pathOf("gone"), "exclusive", 0);
    results.push(exhausted);
    const attached = attachNew(context, write(newRecord()));
    await expect.poll(() => events).toEqual(["ADD"]);
    setTimeout(() => {
      context.store.remove("gone");
      lock?.release();
    }, 100);
    await attached;
    expect(events.filter((event) => event === "ADD")).toHaveLength(2);
  });

  test("does not wait for one that is being made, which may wait for it", async () => {
    const { context, results } = bench.current;
    const { id } = write({ ...newRecord(), id: "new", keep: true });
    const lock = await context.locker.lock(context.store.pathOf(id), "exclusive", 0);
    results.push(exhausted);
    const start = Date.now();
    await expect(attachNew(context, write(newRecord()))).rejects.toBe(exhausted);
    expect(Date.now() - start).toBeLessThan(2000);
    lock?.release();
  });

  test("is the one told when the DEL before another try fails", async () => {
    const { context, results, faults } = bench.current;
    faults.set("DEL", new CniError({ kind: "plugin", msg: "no DEL either" }));
    results.push(duplicate);
    await expect(attachNew(context, write(newRecord()))).rejects.toBe(duplicate);
  });

  test("and fails again is not tried a third time", async () => {
    const { context, events, results } = bench.current;
    write(removed("gone"));
    results.push(exhausted, exhausted, exhausted);
    await expect(attachNew(context, write(newRecord()))).rejects.toBe(exhausted);
    expect(events.filter((event) => event === "ADD")).toHaveLength(2);
  });
});

describe("the address of a container whose rebuild failed", () => {
  beforeEach(async () => {
    const { context, results, events } = bench.current;
    // Once as it was, and once in each form.
    const fault = new CniError({ kind: "plugin", msg: "no carrier" });
    results.push(fault, fault, fault, fault);
    await reattach(context, write(keptRecord(bench.current))).catch(() => {});
    events.length = 0;
  });

  test("is given to nobody else: another one is asked for", async () => {
    const { context, results, events } = bench.current;
    results.push(giving("10.9.0.2/24"), giving("10.9.0.3/24"));
    const record = write(newRecord());
    await attachNew(context, record);
    expect(record.attachments[0]?.addresses).toEqual(["10.9.0.3/24"]);
    expect(events.filter((event) => event !== "netns add" && event !== "stand-in")).toEqual([
      "ADD",
      "DEL",
      "ADD",
    ]);
  });

  test("that is all that a network gives is refused", async () => {
    const { context, results } = bench.current;
    results.push(...Array.from({ length: 4 }, () => giving("10.9.0.2/24")));
    await expect(attachNew(context, write(newRecord()))).rejects.toThrow(
      "the network gave 10.9.0.2/24, which is kept for container c1",
    );
  });

  test("is held again when the rebuild succeeds", async () => {
    const { context } = bench.current;
    expect(context.store.listUnreserved()).toEqual(["c1"]);
    await reattach(context, keptRecord(bench.current));
    expect(context.store.listUnreserved()).toEqual([]);
  });

  test("is free when the container is gone", () => {
    const { context, dir } = bench.current;
    context.store.remove("c1");
    expect(readdirSync(join(dir, "state/unheld"))).toEqual([]);
  });
});

describe("a start finds", () => {
  test("what is worth keeping", async () => {
    const { context, events } = bench.current;
    const record = write(keptRecord(bench.current));
    expect(await findKeptSandbox(context, "c1")).toEqual(record);
    expect(events).toEqual([]);
  });

  test.each([
    {
      title: "a start that crashed before it had addresses",
      more: { state: "creating" as const, attachments: [] },
    },
    { title: "a removal that crashed", more: { state: "removing" as const } },
    { title: "a stop that did not keep", more: { keep: false } },
  ])("$title, and undoes it", async ({ more }) => {
    const { context } = bench.current;
    write(keptRecord(bench.current, more));
    expect(await findKeptSandbox(context, "c1")).toBeUndefined();
    expect(context.store.read("c1")).toBeUndefined();
  });

  test("a stop that did not keep, and holds its lock on while it is undone", async () => {
    const { context } = bench.current;
    write(keptRecord(bench.current, { keep: false }));
    const held = await lockSandbox(context, "c1");
    await findKeptSandbox(context, "c1");
    const other = await context.locker.lock(context.store.pathOf("c1"), "exclusive", 0);
    expect(other).toBeUndefined();
    expect(readdirSync(context.store.pathOf("c1"))).toEqual([]);
    held.release();
  });

  test("a rebuild that crashed, and ends what that left at work", async () => {
    const { context, events } = bench.current;
    write(keptRecord(bench.current, { state: "creating" }));
    expect(await findKeptSandbox(context, "c1")).toMatchObject({ attachments: [attachment] });
    expect(events).toEqual(["kill orphans"]);
  });
});
