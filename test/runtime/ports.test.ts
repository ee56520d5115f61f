import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CniError } from "../../src/cni/index.ts";
import { UserError } from "../../src/errors.ts";
import { withAllottedPorts } from "../../src/runtime/ports.ts";
import type { SandboxRecord } from "../../src/sandbox/record.ts";
import { attachment, keptRecord, useBench } from "../sandbox/context.ts";

const bench = useBench();
const PORT = { hostPort: 40_123, containerPort: 80, protocol: "tcp" } as const;
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
