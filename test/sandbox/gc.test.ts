import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { CniError } from "../../src/cni/index.ts";
import { hasGarbage } from "../../src/state/facts.ts";
import { forget } from "../../src/sandbox/forget.ts";
import { collect, sweep } from "../../src/sandbox/gc.ts";
import type { SandboxRecord } from "../../src/state/record.ts";
import {
  attachment,
  type Bench,
  keptRecord,
  publishing,
  useBench,
  writeRuntimeState,
} from "./context.ts";

const bench = useBench();
const patient = { waitMs: 0, respectBackoff: true };

beforeEach(() => {
  mkdirSync(join(bench.current.dir, "containers/c1"), { recursive: true });
  mkdirSync(join(bench.current.dir, "volumes"));
  bench.current.namespaces.add("c1");
});

function write(record: SandboxRecord): void {
  const { store } = bench.current.context;
  store.prepare(record.id);
  store.write(record);
}

function removeContainer({ dir }: Bench): void {
  rmSync(join(dir, "containers/c1"), { recursive: true });
}

describe("gc", () => {
  test("keeps a stopped container's network, and notes when it was first seen stopped", async () => {
    const { context, events } = bench.current;
    write(keptRecord(bench.current));
    expect(await sweep(context)).toEqual([{ id: "c1", outcome: "kept" }]);
    expect(context.store.stoppedAt("c1")).toBeDefined();
    expect(events).toEqual([]);
  });

  test("releases a removed container's", async () => {
    const { context, events, namespaces } = bench.current;
    write(keptRecord(bench.current, { name: "web" }));
    removeContainer(bench.current);
    expect(hasGarbage(context)).toBe(true);
    expect(await sweep(context)).toEqual([{ id: "c1", name: "web", outcome: "released" }]);
    expect(events).toEqual(["DEL", "netns remove"]);
    expect([...namespaces]).toEqual([]);
    expect(context.store.list()).toEqual([]);
    expect(hasGarbage(context)).toBe(false);
  });

  test("does nothing on a dry run", async () => {
    const { context, events } = bench.current;
    write(keptRecord(bench.current));
    removeContainer(bench.current);
    expect(await sweep(context, { dryRun: true })).toEqual([{ id: "c1", outcome: "over" }]);
    expect(events).toEqual([]);
    expect(readdirSync(context.store.pathOf("c1"))).not.toContain("stopped");
  });

  test("keeps the network of a container whose data root left an empty folder behind", async () => {
    const { context, dir } = bench.current;
    write(keptRecord(bench.current));
    removeContainer(bench.current);
    rmSync(join(dir, "volumes"), { recursive: true });
    expect(hasGarbage(context)).toBe(false);
    expect(await sweep(context)).toEqual([{ id: "c1", outcome: "kept" }]);
  });

  test("keeps the network of a container whose whole engine folder is not there", async () => {
    const { context, dir } = bench.current;
    write(keptRecord(bench.current));
    rmSync(join(dir, "containers"), { recursive: true });
    expect(hasGarbage(context)).toBe(false);
    expect(await sweep(context)).toEqual([{ id: "c1", outcome: "kept" }]);
  });

  test.each([
    { since: 0, found: false },
    { since: 4, found: false },
    { since: 6, found: true },
    { since: 6, boot: "another", found: true },
  ])("finds a container that is gone since $since s: $found", ({ since, boot, found }) => {
    const { context } = bench.current;
    write(keptRecord(bench.current));
    removeContainer(bench.current);
    context.store.markStopped("c1");
    const mark = join(context.store.pathOf("c1"), "stopped");
    const [thisBoot = "", uptime] = readFileSync(mark, "utf8").trim().split(" ");
    writeFileSync(mark, `${boot ?? thisBoot} ${Number(uptime) - since}\n`);
    const stopped = Date.now() / 1000 - since;
    utimesSync(mark, stopped, stopped);
    expect(hasGarbage(context)).toBe(found);
  });

  test("takes back the mark of a stop that came late, when the container ran again, and keeps its ports", async () => {
    const { context, events } = bench.current;
    write(keptRecord(bench.current, { attachments: [publishing] }));
    writeRuntimeState(bench.current);
    context.store.markStopped("c1");
    const mark = join(context.store.pathOf("c1"), "stopped");
    const [boot = "", uptime] = readFileSync(mark, "utf8").trim().split(" ");
    writeFileSync(mark, `${boot} ${Number(uptime) - 60}\n`);
    expect(await sweep(context)).toEqual([{ id: "c1", outcome: "kept" }]);
    expect(context.store.stoppedAt("c1")).toBeUndefined();
    expect(events).toEqual([]);
  });

  test("removes a folder without a record", async () => {
    const { context } = bench.current;
    context.store.prepare("c1");
    expect(await sweep(context)).toEqual([{ id: "c1", outcome: "gone" }]);
    expect(context.store.list()).toEqual([]);
  });

  test("leaves a sandbox alone on which another works", async () => {
    const { context, events } = bench.current;
    write(keptRecord(bench.current));
    removeContainer(bench.current);
    const lock = await context.locker.lock(context.store.pathOf("c1"), "exclusive", 0);
    expect(await sweep(context)).toEqual([{ id: "c1", outcome: "busy" }]);
    expect(events).toEqual([]);
    lock?.release();
  });

  test("waits for the other when it is told to", async () => {
    const { context } = bench.current;
    write(keptRecord(bench.current));
    removeContainer(bench.current);
    const lock = await context.locker.lock(context.store.pathOf("c1"), "exclusive", 0);
    const swept = sweep(context, { waitMs: 5000 });
    setTimeout(() => lock?.release(), 50);
    expect(await swept).toEqual([{ id: "c1", outcome: "released" }]);
  });

  test("ends what a killed operation left at work before it undoes that", async () => {
    const { context, events } = bench.current;
    write(keptRecord(bench.current, { state: "removing" }));
    await sweep(context);
    expect(events).toEqual(["kill orphans", "DEL", "netns remove"]);
  });

  test("drops the notes of containers that ended and are gone", async () => {
    const { context, dir } = bench.current;
    const notes = join(dir, "state/over");
    mkdirSync(notes, { recursive: true });
    for (const id of ["c1", "c2"]) writeFileSync(join(notes, id), "");
    write(keptRecord(bench.current));
    await sweep(context);
    expect(readdirSync(notes)).toEqual(["c1"]);
  });
});

describe("a removal that fails", () => {
  beforeEach(() => {
    write(keptRecord(bench.current));
    removeContainer(bench.current);
    bench.current.faults.set("DEL", new Error("no bridge"));
  });

  test("stays on record, with its reason, and its namespace too", async () => {
    const { context, namespaces } = bench.current;
    expect(await collect(context, "c1", patient)).toEqual({
      id: "c1",
      outcome: "failed",
      reason: "no bridge",
    });
    expect(context.store.read("c1")).toMatchObject({ state: "removing" });
    expect(context.store.readRetry("c1")).toMatchObject({ attempts: 1, error: "no bridge" });
    expect([...namespaces]).toEqual(["c1"]);
  });

  test("is left for later by who is patient, at most an hour, and tried by who is not", async () => {
    const { context, faults } = bench.current;
    await collect(context, "c1", patient);
    expect(hasGarbage(context)).toBe(false);
    expect(await collect(context, "c1", patient)).toMatchObject({
      outcome: "waiting",
      reason: "no bridge",
    });
    for (let count = 0; count < 12; count++) await collect(context, "c1", { waitMs: 0 });
    const { nextAt = 0, attempts } = context.store.readRetry("c1") ?? {};
    expect(attempts).toBe(13);
    expect(nextAt - Date.now()).toBeLessThanOrEqual(3_600_000);
    faults.clear();
    expect(await collect(context, "c1", { waitMs: 0 })).toMatchObject({ outcome: "released" });
  });

  test("is not put off by a clock that was set back", async () => {
    const { context, faults } = bench.current;
    await collect(context, "c1", patient);
    context.store.writeRetry("c1", { attempts: 1, error: "", nextAt: Date.now() + 10 * 3_600_000 });
    faults.clear();
    expect(await collect(context, "c1", patient)).toMatchObject({ outcome: "released" });
  });

  test("can be given up", async () => {
    const { context, events } = bench.current;
    expect(await forget(context, "c1")).toMatchObject({
      outcome: "forgotten",
      reason: "no bridge",
    });
    expect(events).toEqual(["DEL", "forget", "netns remove"]);
    expect(context.store.list()).toEqual([]);
  });
});

test("what exists cannot be given up", async () => {
  const { context, events } = bench.current;
  write(keptRecord(bench.current));
  await expect(forget(context, "c1")).rejects.toThrow("the container c1 is still there");
  expect(events).toEqual([]);
  expect(context.store.list()).toEqual(["c1"]);
});

describe("where the record cannot be read", () => {
  beforeEach(() => {
    write(keptRecord(bench.current));
    truncateSync(join(bench.current.context.store.pathOf("c1"), "record.json"));
  });

  test("gc keeps what a container that exists has", async () => {
    const { context, events } = bench.current;
    expect(await sweep(context)).toEqual([{ id: "c1", outcome: "kept" }]);
    expect(events).toEqual([]);
  });

  test("gc releases what the cache knows of one that is gone", async () => {
    const { context, cached, events } = bench.current;
    cached.push({
      containerId: "c1",
      network: "lan",
      ifName: "eth0",
      netns: "/run/netns/c1",
      config: attachment.list,
      cniArgs: [],
      capabilityArgs: {},
      result: { cniVersion: "1.0.0", ips: [{ address: "10.9.0.2/24" }] },
    });
    removeContainer(bench.current);
    expect(await sweep(context)).toMatchObject([{ outcome: "released" }]);
    expect(events).toEqual(["DEL", "netns remove"]);
  });

  test("gc tries every network that is configured where the cache knows nothing", async () => {
    const { context, configured, events } = bench.current;
    configured.push(
      { ...attachment, addresses: [] },
      { ...attachment, addresses: [], network: "b" },
    );
    removeContainer(bench.current);
    expect(await sweep(context)).toMatchObject([{ outcome: "released" }]);
    expect(events).toEqual(["kill orphans", "DEL", "DEL", "netns remove"]);
  });
});

describe("where the interface is lost", () => {
  test("another one stands in for it at DEL", async () => {
    const { context, namespaces, events } = bench.current;
    namespaces.clear();
    write(keptRecord(bench.current));
    removeContainer(bench.current);
    await sweep(context);
    expect(events).toEqual(["netns add", "stand-in", "DEL", "netns remove"]);
    expect(existsSync(context.store.pathOf("c1"))).toBe(false);
  });

  test("and DEL fails with the stand-in, it is called without", async () => {
    const { context, namespaces, events, faults } = bench.current;
    namespaces.clear();
    faults.set("DEL", new Error("no chain"));
    write(keptRecord(bench.current));
    removeContainer(bench.current);
    await sweep(context);
    expect(events).toEqual(["netns add", "stand-in", "DEL", "link remove", "DEL"]);
  });

  test.each([
    { title: "stand-ins of which the last fails", left: [], broken: "eth1" },
    { title: "a stand-in that a crash left", left: ["eth0", "eth1"], broken: undefined },
  ])("the removal ends in spite of $title", async ({ left, broken }) => {
    const { context } = bench.current;
    const links = new Set(left);
    const chain = "iptables: Chain 'CNI-0123' does not exist";
    Object.assign(context.netns, {
      hasLink: async (_: string, ifName: string) => links.has(ifName),
      addStandIn: async (_: string, ifName: string) => {
        links.add(ifName);
        if (ifName === broken) throw new Error("no IPv6 here");
      },
      removeLink: async (_: string, ifName: string) => void links.delete(ifName),
    });
    context.cni.delNetworkList = async () => {
      if (links.size > 0) throw new CniError({ kind: "plugin", msg: chain });
    };
    const attachments = ["eth0", "eth1"].map((ifName) => Object.assign({}, attachment, { ifName }));
    write(keptRecord(bench.current, { attachments }));
    removeContainer(bench.current);
    expect(await sweep(context)).toMatchObject([{ outcome: "released" }]);
  });
});

function neverAttached(): SandboxRecord {
  return keptRecord(bench.current, {
    state: "creating",
    attachments: [{ ...attachment, addresses: [] }],
  });
}

describe("a sandbox that no ADD ever succeeded for, and whose DEL fails", () => {
  beforeEach(() => {
    bench.current.faults.set("DEL", new CniError({ kind: "plugin", msg: "no such master" }));
    removeContainer(bench.current);
  });

  test("loses its namespace at once", async () => {
    const { context, namespaces } = bench.current;
    write(neverAttached());
    expect(await sweep(context)).toMatchObject([{ outcome: "failed" }]);
    expect([...namespaces]).toEqual([]);
  });

  test("is given up after some attempts", async () => {
    const { context } = bench.current;
    write(neverAttached());
    const outcomes: string[] = [];
    for (let count = 0; count < 5; count++) {
      outcomes.push((await collect(context, "c1", { waitMs: 0 })).outcome);
    }
    expect(outcomes).toEqual(["failed", "failed", "failed", "failed", "forgotten"]);
    expect(context.store.list()).toEqual([]);
  });

  test.each([
    { title: "had addresses", more: { attachments: [attachment] }, isCached: false },
    { title: "has a part of an ADD in the cache", more: {}, isCached: true },
  ])("is one that keeps all of it when it $title", async ({ more, isCached }) => {
    const { context, namespaces, cached } = bench.current;
    if (isCached) {
      const { network, ifName, list: config } = attachment;
      const of = {
        network,
        ifName,
        config,
        containerId: "c1",
        netns: "c1",
        incomplete: true as const,
      };
      cached.push({ ...of, cniArgs: [], capabilityArgs: {} });
    }
    write({ ...neverAttached(), ...more });
    for (let count = 0; count < 6; count++) {
      expect(await collect(context, "c1", { waitMs: 0 })).toMatchObject({ outcome: "failed" });
    }
    expect([...namespaces]).toEqual(["c1"]);
  });
});

/** As runc leaves it before `start`: its first process waits at exec.fifo. This one is alive. */
function make({ isStarted = false } = {}): void {
  write(keptRecord(bench.current));
  const runtimeDir = writeRuntimeState(bench.current);
  if (!isStarted) writeFileSync(join(runtimeDir, "exec.fifo"), "");
}

describe("a container that the runtime made and that never got its start", () => {
  test("is ended and released once its engine has removed it", async () => {
    const { context, events, dir } = bench.current;
    make();
    removeContainer(bench.current);
    expect(await sweep(context)).toEqual([{ id: "c1", outcome: "released" }]);
    expect(events).toEqual([`runtime delete ${dir}/runc/c1`, "DEL", "netns remove"]);
  });

  test("may be forgotten by force then", async () => {
    const { context, faults } = bench.current;
    make();
    removeContainer(bench.current);
    faults.set("DEL", new CniError({ kind: "plugin", msg: "no" }));
    expect(await forget(context, "c1")).toMatchObject({ outcome: "forgotten" });
  });

  test.each([
    { title: "its engine has it still", isStarted: false, isThere: true, engine: true },
    {
      title: "its engine is not known to be there",
      isStarted: false,
      isThere: false,
      engine: false,
    },
    { title: "it runs", isStarted: true, isThere: false, engine: true },
  ])("is left alone while $title", async ({ isStarted, isThere, engine }) => {
    const { context, events, dir } = bench.current;
    make({ isStarted });
    if (!isThere) removeContainer(bench.current);
    if (!engine) rmSync(join(dir, "volumes"), { recursive: true });
    expect(await sweep(context)).toEqual([{ id: "c1", outcome: "kept" }]);
    expect(events).toEqual([]);
  });
});
