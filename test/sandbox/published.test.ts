import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { CniError } from "../../src/cni/index.ts";
import { attachAll, checkAll } from "../../src/sandbox/attach.ts";
import { sweep } from "../../src/sandbox/gc.ts";
import { acquirePorts, holdsPorts, releaseForOther, whyKept } from "../../src/sandbox/published.ts";
import type { SandboxRecord } from "../../src/state/record.ts";
import { attachment, keptRecord, publishing, useBench } from "./context.ts";

const bench = useBench();
const FAULT = new CniError({ kind: "plugin", msg: "iptables is locked" });

beforeEach(() => {
  for (const folder of ["containers/c1", "volumes"])
    mkdirSync(join(bench.current.dir, folder), { recursive: true });
  bench.current.namespaces.add("c1");
});

/** Writes the record of a container that publishes a port. */
function write(more: Partial<SandboxRecord> = {}): SandboxRecord {
  const { store } = bench.current.context;
  const record = keptRecord(bench.current, { attachments: [publishing], ...more });
  store.prepare("c1");
  store.write(record);
  return record;
}

/** Has it stopped so many ms ago. */
function stopped(ms = 5000): void {
  const { store } = bench.current.context;
  store.markStopped("c1");
  const at = new Date(Date.now() - ms);
  const file = join(store.pathOf("c1"), "stopped");
  writeFileSync(file, "another-boot 0\n");
  utimesSync(file, at, at);
}

function state(): SandboxRecord["ports"] | "unreadable" {
  const record = bench.current.context.store.read("c1");
  return typeof record === "object" ? record.ports : "unreadable";
}

function engineSays(restarting: boolean): void {
  const file = join(bench.current.dir, "containers/c1/config.v2.json");
  writeFileSync(file, JSON.stringify({ State: { Running: restarting, Restarting: restarting } }));
}

describe("gc", () => {
  test("gives back the ports of a stopped container once, and keeps the rest", async () => {
    const { context, events } = bench.current;
    write();
    stopped();
    expect(await sweep(context)).toMatchObject([{ outcome: "kept" }]);
    await sweep(context);
    expect(events).toEqual(["DEL portMappings"]);
    expect(state()).toBe("released");
  });

  test("has written down what it is about to do, and finishes what was begun", async () => {
    const { context, faults } = bench.current;
    write();
    stopped();
    faults.set("DEL portMappings", FAULT);
    await sweep(context);
    expect(state()).toBe("releasing");
    faults.clear();
    await sweep(context);
    expect(state()).toBe("released");
  });

  test("gives back what a start had begun to take again", async () => {
    write({ ports: "acquiring" });
    stopped();
    await sweep(bench.current.context);
    expect(state()).toBe("released");
  });

  test.each<{ title: string; prepare: () => void }>([
    { title: "that stopped a moment ago: it may be a restart", prepare: () => stopped(100) },
    {
      title: "that the engine is about to start again",
      prepare: () => {
        stopped();
        engineSays(true);
      },
    },
    {
      title: "whose plugins cannot give them back alone",
      prepare: () => {
        const plugins = [{ type: "all", capabilities: { portMappings: true } }];
        const list = JSON.stringify({ cniVersion: "1.0.0", name: "lan", plugins });
        write({ attachments: [{ ...publishing, list }] });
        stopped();
      },
    },
    {
      title: "of which nobody has told that it stopped",
      prepare: () => {},
    },
  ])("leaves the ports to a container $title", async ({ prepare }) => {
    write();
    prepare();
    await sweep(bench.current.context);
    expect(bench.current.events).toEqual([]);
    expect(state()).toBeUndefined();
  });

  test("calls nothing for a container without ports", async () => {
    write({ attachments: [attachment] });
    stopped();
    await sweep(bench.current.context);
    expect(bench.current.events).toEqual([]);
  });
});

describe("for another that wants them, ports", () => {
  test("are given back at once", async () => {
    write();
    stopped(0);
    await releaseForOther(bench.current.context, "c1");
    expect(state()).toBe("released");
  });

  test("are waited for while they are given back", async () => {
    const { context } = bench.current;
    write({ ports: "releasing" });
    stopped();
    const lock = await context.locker.lock(context.store.pathOf("c1"), "exclusive", 0);
    const released = releaseForOther(context, "c1");
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(bench.current.events).toEqual([]);
    lock?.release();
    await released;
    expect(state()).toBe("released");
  });

  test("of a container that is being started are not waited for", async () => {
    const { context } = bench.current;
    write();
    const lock = await context.locker.lock(context.store.pathOf("c1"), "exclusive", 0);
    await releaseForOther(context, "c1");
    lock?.release();
    expect(bench.current.events).toEqual([]);
  });

  test("of a container in a crash loop stay", async () => {
    const record = write();
    stopped();
    engineSays(true);
    await releaseForOther(bench.current.context, "c1");
    expect(bench.current.events).toEqual([]);
    expect(whyKept(bench.current.context, record)).toBe("which is about to be restarted");
  });
});

test.each<{ title: string; more: Partial<SandboxRecord>; held: boolean }>([
  { title: "held", more: {}, held: true },
  { title: "held while they are being given back", more: { ports: "releasing" }, held: true },
  { title: "held while they are being taken", more: { ports: "acquiring" }, held: true },
  { title: "free when they are given back", more: { ports: "released" }, held: false },
  { title: "free after a boot", more: { bootId: "boot-0" }, held: false },
  { title: "not there", more: { attachments: [attachment] }, held: false },
])("ports are $title", ({ more, held }) => {
  const record = write(more);
  stopped();
  expect(holdsPorts(bench.current.context, record)).toBe(held);
});

test("taking ports again is noted when it is done, and not when it fails", async () => {
  const { context, faults, events } = bench.current;
  const record = write({ ports: "acquiring" });
  faults.set("ADD portMappings", FAULT);
  await expect(acquirePorts(context, record)).rejects.toThrow("iptables is locked");
  expect(state()).toBe("acquiring");
  faults.clear();
  await acquirePorts(context, record);
  expect(state()).toBeUndefined();
  expect(events).toEqual(["ADD portMappings", "ADD portMappings"]);
});

test("a CHECK does not miss what was given back", async () => {
  const { context, events } = bench.current;
  await checkAll(context, write({ ports: "released" }));
  await checkAll(context, write());
  expect(events).toEqual(["CHECK without portMappings", "CHECK"]);
});

test.each([
  { ports: "released", given: {} },
  { ports: "acquiring", given: { portMappings: publishing.capabilityArgs["portMappings"] } },
] as const)("a rebuild of a sandbox whose ports are $ports asks for $given", async (each) => {
  const { context } = bench.current;
  const asked: unknown[] = [];
  const add = context.cni.addNetworkList.bind(context.cni);
  context.cni.addNetworkList = (list, conf) => {
    asked.push(conf.capabilityArgs);
    return add(list, conf);
  };
  await attachAll(context, write({ ports: each.ports }));
  expect(asked).toEqual([each.given]);
});
