import { describe, expect, test } from "vitest";
import {
  withExclusiveHostLock,
  withSharedHostLock,
  withAddLock,
} from "../../src/sandbox/host-lock.ts";
import { attachment, useBench } from "./context.ts";

const bench = useBench();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs operations at once; gives the highest number of them that were at work at the same moment. */
async function atOnce(
  operations: ((work: () => Promise<void>) => Promise<void>)[],
): Promise<number> {
  let now = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    most = Math.max(most, ++now);
    await pause(100);
    now--;
  };
  await Promise.all(operations.map((operation) => operation(work)));
  return most;
}

function add(work: () => Promise<void>): Promise<void> {
  return withAddLock(bench.current.context, [attachment], work);
}

describe("operations on all containers", () => {
  test("run beside each other", async () => {
    const { context } = bench.current;
    const operation = (work: () => Promise<void>) => withSharedHostLock(context, work);
    expect(await atOnce([operation, operation, operation])).toBe(3);
  });

  test("do not run beside one that runs alone", async () => {
    const { context } = bench.current;
    const beside = (work: () => Promise<void>) => withSharedHostLock(context, work);
    const single = (work: () => Promise<void>) => withExclusiveHostLock(context, work);
    expect(await atOnce([single, beside])).toBe(1);
    expect(await atOnce([single, single])).toBe(1);
  });

  test("let one that wants to run alone have its turn, though new ones come all the time", async () => {
    const { context } = bench.current;
    const state = { isDone: false };
    const stream = async (): Promise<void> => {
      while (!state.isDone) await withSharedHostLock(context, () => pause(40));
    };
    const streams = [stream(), pause(20).then(stream)];
    await pause(60);
    await withExclusiveHostLock(context, async () => void (state.isDone = true));
    await Promise.all(streams);
    expect(state.isDone).toBe(true);
  });

  test("that have to wait too long say so", async () => {
    const { context } = bench.current;
    const held = withExclusiveHostLock(context, () => pause(500));
    await pause(100);
    const hasty = { ...context, lockTimeoutMs: 50 };
    await expect(withSharedHostLock(hasty, async () => {})).rejects.toThrow(
      /did not end within 0.05 s/,
    );
    await held;
  });
});

describe("ADD", () => {
  test("runs alone at a network's first use in a boot, and beside others from then on", async () => {
    expect(await atOnce([add])).toBe(1);
    expect(await atOnce([add, add, add])).toBe(3);
  });

  test("at once for many on a new network runs alone once", async () => {
    const { context } = bench.current;
    let first = true;
    const order: string[] = [];
    await Promise.all(
      Array.from({ length: 4 }, () =>
        withAddLock(context, [attachment], async () => {
          const name = first ? "first" : "later";
          first = false;
          order.push(`${name} begins`);
          await pause(50);
          order.push(`${name} ends`);
        }),
      ),
    );
    expect(order.slice(0, 2)).toEqual(["first begins", "first ends"]);
  });

  test("runs alone again at the first use of a capability, in another boot, and after a failure", async () => {
    const { context } = bench.current;
    const hasHappened = (): boolean => context.firstUse.hasHappened([attachment]);
    await expect(add(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(hasHappened()).toBe(false);
    await add(async () => {});
    expect(hasHappened()).toBe(true);
    const publishing = { ...attachment, capabilityArgs: { portMappings: [{ hostPort: 80 }] } };
    expect(context.firstUse.hasHappened([publishing])).toBe(false);
    const list = JSON.stringify({ name: "lan", plugins: [{ type: "bridge", bridge: "lfnone0" }] });
    expect(context.firstUse.hasHappened([{ ...attachment, list }])).toBe(false);
  });
});
