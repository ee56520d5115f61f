import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { inFlow } from "./lock-order.ts";
import { useBench } from "./context.ts";

const bench = useBench();
const FOLDERS = ["sandboxes/c1", "sandboxes/c2", "ports", "sandboxes", "hosts"];

beforeEach(() => {
  for (const name of FOLDERS) mkdirSync(pathOf(name), { recursive: true });
});

function pathOf(name: string): string {
  return join(bench.current.dir, "state", name);
}

/** Takes these locks one after another, and waits for each. */
async function take(names: readonly string[], timeoutMs: number): Promise<void> {
  const locks = [];
  try {
    for (const name of names) {
      locks.push(await bench.current.context.locker.lock(pathOf(name), "exclusive", timeoutMs));
    }
  } finally {
    for (const lock of locks) lock?.release();
  }
}

test.each([
  { order: ["sandboxes/c1", "ports", "sandboxes", "hosts"] },
  { order: ["sandboxes/c1", "sandboxes/c2"] },
  { order: ["sandboxes/c1", "hosts"] },
])("locks may be waited for in the order $order", async ({ order }) => {
  await expect(inFlow(() => take(order, 100))).resolves.toBeUndefined();
});

test.each([
  { order: ["ports", "sandboxes/c2"] },
  { order: ["sandboxes", "sandboxes/c2"] },
  { order: ["sandboxes", "ports"] },
  { order: ["hosts", "sandboxes"] },
])("locks in the order $order are an error, and may be tried", async ({ order }) => {
  await expect(inFlow(() => take(order, 100))).rejects.toThrow("waits for the lock on");
  await inFlow(() => take(order, 0));
});
