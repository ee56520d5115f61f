import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CniError } from "../../src/cni/index.ts";
import { sweep } from "../../src/sandbox/gc.ts";
import { checkSandbox, healSandbox } from "../../src/sandbox/heal.ts";
import { attachNew } from "../../src/sandbox/life.ts";
import { assessNow } from "../../src/state/facts.ts";
import { isParked } from "../../src/state/parked.ts";
import type { SandboxRecord } from "../../src/state/record.ts";
import { attachment, keptRecord, useBench } from "./context.ts";

const bench = useBench();
const HOUR = 3_600_000;

function stopped(id: string, hours: number, more: Partial<SandboxRecord> = {}): SandboxRecord {
  const { context, dir, namespaces } = bench.current;
  const containerDir = join(dir, "containers", id);
  mkdirSync(containerDir, { recursive: true });
  const at = { id, netns: id, containerDir, runtimeDir: join(dir, "runc", id) };
  const record = keptRecord(bench.current, { ...at, ...more });
  context.store.prepare(id);
  context.store.write(record);
  context.store.markStopped(id);
  namespaces.add(id);
  const before = context.store;
  const stoppedFor = (of: string): number | undefined =>
    of === id ? hours * HOUR : before.stoppedFor(of);
  context.store = { ...before, stoppedFor };
  return record;
}

const list = (...plugins: object[]): string =>
  JSON.stringify({ cniVersion: "1.0.0", name: "lan", plugins });

test.each([
  ["stopped for less than park_after", 1, undefined, false],
  ["stopped for longer", 25, undefined, true],
  ["on a network that gives a device of the host", 25, list({ type: "host-device" }), false],
  ["with an address by DHCP", 25, list({ type: "macvlan", ipam: { type: "dhcp" } }), false],
])("gc parks a container %s: %#", async (_, hours, other, parks) => {
  const { context, events, namespaces } = bench.current;
  context.parkAfterMs = 24 * HOUR;
  const attachments = [{ ...attachment, ...(other !== undefined && { list: other }) }];
  const record = stopped("c1", hours, { attachments });
  expect(await sweep(context)).toEqual([{ id: "c1", outcome: "kept" }]);
  expect(events).toEqual(parks ? ["link remove", "netns remove"] : []);
  expect(namespaces.has("c1")).toBe(!parks);
  expect(context.store.read("c1")).toEqual(record);
  expect(assessNow(context, record).network).toBe(parks ? "parked" : "whole");
});

test("check and heal are content with one that is parked, and gc leaves it alone", async () => {
  const { context, events } = bench.current;
  context.parkAfterMs = 24 * HOUR;
  stopped("c1", 25);
  await sweep(context);
  events.length = 0;
  const health = { health: "ok", reason: "parked: its start builds its network again" };
  expect(await checkSandbox(context, "c1")).toEqual(health);
  expect(await healSandbox(context, "c1")).toEqual(health);
  expect(await sweep(context)).toEqual([{ id: "c1", outcome: "kept" }]);
  expect(events).toEqual([]);
  context.store.clearStopped("c1");
  expect(isParked(context.store, "c1")).toBe(false);
});

test("an ADD for which a bridge has no port parks the 32 that were stopped the longest", async () => {
  const { context, events, results, namespaces } = bench.current;
  for (let place = 0; place < 40; place++) stopped(`k${place}`, place + 1);
  const elsewhere = [{ ...attachment, network: "other" }];
  stopped("elsewhere", 900, { attachments: elsewhere });
  const record = keptRecord(bench.current, {
    id: "new",
    netns: "new",
    state: "creating",
    attachments: [{ ...attachment, addresses: [] }],
  });
  context.store.prepare("new");
  context.store.write(record);
  namespaces.add("new");
  const msg = 'failed to connect "veth1" to bridge cni0: exchange full';
  results.push(new CniError({ kind: "plugin", msg, plugin: "bridge", network: "lan" }));
  await attachNew(context, record);
  expect(events.filter((event) => event === "ADD")).toHaveLength(2);
  const left = [...namespaces].toSorted();
  expect(left).toEqual(["elsewhere", "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "new"]);
});

test("one that another operation works on is not parked", async () => {
  const { context, namespaces } = bench.current;
  context.parkAfterMs = HOUR;
  const busy = stopped("c1", 25);
  const lock = await context.locker.lock(context.store.pathOf(busy.id), "exclusive", 0);
  expect(await sweep(context)).toMatchObject([{ outcome: "busy" }]);
  expect(namespaces.has("c1")).toBe(true);
  lock?.release();
});
