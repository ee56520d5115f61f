import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CniError } from "../../src/cni/index.ts";
import { UserError } from "../../src/lib/errors.ts";
import { withAllottedPorts } from "../../src/sandbox/allot-ports.ts";
import { takePortsAgain } from "../../src/runtime/take-ports.ts";
import type { SandboxRecord } from "../../src/state/record.ts";
import { attachment, keptRecord, PORT, publishing, useBench } from "./context.ts";

const bench = useBench();
const WISH = {
  ports: [{ containerPort: 80, protocol: "tcp", hostPorts: [40_123, 40_123] }],
  networks: [],
} satisfies Parameters<typeof withAllottedPorts>[2];

/** Another sandbox that publishes `PORT`, and who holds its lock. */
async function other(more: Partial<SandboxRecord>): Promise<{ release(): void }> {
  const { context } = bench.current;
  const attachments = [{ ...attachment, addresses: [], capabilityArgs: { portMappings: [PORT] } }];
  context.store.prepare("c1");
  context.store.write(keptRecord(bench.current, { attachments, ...more }));
  const lock = await context.locker.lock(context.store.pathOf("c1"), "exclusive", 0);
  if (lock === undefined) throw new Error("not locked");
  return lock;
}

function allot(): Promise<unknown> {
  return withAllottedPorts(bench.current.context, "c2", WISH, ({ all }) => all);
}

describe("the ports of a sandbox that is being made", () => {
  test("are taken, and nobody waits to know it", async () => {
    mkdirSync(join(bench.current.dir, "containers/c1"), { recursive: true });
    const held = await other({ state: "creating" });
    const start = Date.now();
    await expect(allot()).rejects.toThrow(UserError);
    expect(Date.now() - start).toBeLessThan(bench.current.context.lockTimeoutMs / 2);
    held.release();
  });

  test("are free when nobody makes it any more", async () => {
    mkdirSync(join(bench.current.dir, "containers/c1"), { recursive: true });
    (await other({ state: "creating" })).release();
    expect(await allot()).toEqual([PORT]);
  });
});

test("the ports of a sandbox that no ADD ever succeeded for are free, whatever its DEL says", async () => {
  const { faults } = bench.current;
  faults.set("DEL", new CniError({ kind: "plugin", msg: "no such master" }));
  (await other({ state: "removing" })).release();
  expect(await allot()).toEqual([PORT]);
});

test("the ports of a container that is gone are waited for, before others' are kept waiting", async () => {
  const { context } = bench.current;
  const held = await other({ state: "removing" });
  const allotted = allot();
  await new Promise((resolve) => setTimeout(resolve, 100));
  const ports = await context.locker.lock(context.store.sharedDir("ports"), "exclusive", 0);
  expect(ports).toBeDefined();
  ports?.release();
  context.store.remove("c1");
  held.release();
  expect(await allotted).toEqual([PORT]);
});

/** The sandbox `c2` that comes back, and had `PORT`; chosen for it, or named by the operator. */
function comesBack(more: Partial<SandboxRecord> = {}): SandboxRecord {
  const { context } = bench.current;
  const record = keptRecord(bench.current, {
    id: "c2",
    ports: "released",
    attachments: [{ ...publishing, capabilityArgs: { portMappings: [PORT] } }],
    ...more,
  });
  context.store.prepare("c2");
  context.store.write(record);
  return record;
}

const isTaken = async (): Promise<void> => {
  mkdirSync(join(bench.current.dir, "containers/c1"), { recursive: true });
  mkdirSync(join(bench.current.dir, "runc/c1"), { recursive: true });
  (await other({ name: "green" })).release();
};

const portsOf = (): unknown => {
  const record = bench.current.context.store.read("c2");
  return typeof record === "object" ? record.attachments[0]?.capabilityArgs : record;
};

/** Wants one port of the host of these. */
function asking(first: number, last: number): Parameters<typeof withAllottedPorts>[2] {
  return {
    ports: [{ containerPort: 80, protocol: "tcp", hostPorts: [first, last] }],
    networks: [],
  };
}

describe("the ports that a stop gave back", () => {
  test.each<{ title: string; chosen: Partial<SandboxRecord> }>([
    { title: "named", chosen: {} },
    { title: "chosen", chosen: { chosenPorts: [PORT] } },
    { title: "chosen of a range", chosen: { chosenPorts: [{ ...PORT, from: [40_100, 40_200] }] } },
  ])("stay the same where they are free: $title", async ({ chosen }) => {
    const record = comesBack(chosen);
    await takePortsAgain(bench.current.context, record);
    expect(record.ports).toBe("acquiring");
    expect(portsOf()).toEqual({ portMappings: [PORT] });
    expect(bench.current.context.store.read("c2")).toMatchObject({ ports: "acquiring", ...chosen });
  });

  test("are an error that names who has them where they were named", async () => {
    await isTaken();
    const record = comesBack();
    await expect(takePortsAgain(bench.current.context, record)).rejects.toThrow(
      "port 40123/tcp of the host is taken by container green",
    );
    expect(bench.current.context.store.read("c2")).toMatchObject({ ports: "released" });
  });

  test.each<{ title: string; from?: [number, number]; gets: unknown }>([
    { title: "of any", gets: expect.any(Number) },
    { title: "of the range", from: [40_122, 40_124], gets: 40_122 },
  ])("are others $title where they were chosen and are taken", async ({ from, gets }) => {
    await isTaken();
    const record = comesBack({ chosenPorts: [{ ...PORT, ...(from && { from }) }] });
    await takePortsAgain(bench.current.context, record);
    const [now] = record.chosenPorts ?? [];
    expect(now?.hostPort).not.toBe(PORT.hostPort);
    expect(now?.hostPort).toEqual(gets);
    expect(now?.from).toEqual(from);
    const { hostPort = 0 } = now ?? {};
    expect(portsOf()).toEqual({ portMappings: [{ ...PORT, hostPort }] });
  });

  test("are another's who names them, and the last to be chosen for another", async () => {
    comesBack();
    const { context } = bench.current;
    const allotted = (first: number, last: number) =>
      withAllottedPorts(context, "c3", asking(first, last), ({ all: [port] }) => port?.hostPort);
    expect(await allotted(40_123, 40_123)).toBe(40_123);
    expect(await allotted(40_123, 40_124)).toBe(40_124);
  });
});
