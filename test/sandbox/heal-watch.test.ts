import { expect, test } from "vitest";
import { type Healed, watchAndHeal } from "../../src/sandbox/heal-watch.ts";
import { keptRecord, useBench, writeRuntimeState } from "./context.ts";

const bench = useBench();

/** Each value is a change; what it does happens before. */
async function* changes(...happen: (() => void)[]): AsyncGenerator<void> {
  for (const each of happen) {
    each();
    yield;
  }
}

/** Containers that run on one network. */
function run(...ids: string[]): void {
  const { context, namespaces } = bench.current;
  const runtimeDir = writeRuntimeState(bench.current);
  for (const id of ids) {
    context.store.prepare(id);
    context.store.write(keptRecord(bench.current, { id, netns: id, name: id, runtimeDir }));
    namespaces.add(id);
  }
}

async function watch(...happen: (() => void)[]): Promise<string[]> {
  const told: Healed[] = [];
  await watchAndHeal(bench.current.context, changes(...happen), (healed) => told.push(healed));
  return told.map(({ name, health }) => `${name} ${health}`).toSorted();
}

const breakAll = (): void => void bench.current.faults.set("CHECK", new Error("a rule is missing"));
test("at first every container is looked at", async () => {
  run("c1", "c2", "c3");
  expect(await watch()).toEqual([]);
  expect(bench.current.events.filter((event) => event === "CHECK")).toHaveLength(3);
});

test("after a change one of each network is looked at, and the others are left when it is well", async () => {
  run("c1", "c2", "c3");
  const { events } = bench.current;
  await watch(
    () => events.splice(0),
    () => expect(events.splice(0)).toEqual(["CHECK"]),
    () => expect(events.splice(0)).toEqual(["CHECK"]),
  );
});

test("where that one is broken all of its network are built again", async () => {
  run("c1", "c2");
  bench.current.faults.set("ADD", new Error("no address"));
  expect(await watch(breakAll)).toEqual(["c1 broken", "c2 broken"]);
});

test("what is healed is told", async () => {
  run("c1");
  bench.current.namespaces.delete("c1");
  expect(await watch()).toEqual(["c1 healed"]);
});

test("what cannot be healed is told, and left alone for a minute", async () => {
  run("c1");
  const { events, faults, context } = bench.current;
  let uptime = 0;
  context.uptimeMs = () => uptime;
  faults.set("ADD", new Error("no address"));
  const told = await watch(
    breakAll,
    () => {
      expect(events).toContain("ADD");
      events.splice(0);
    },
    () => {
      expect(events).toEqual([]);
      uptime = 60_000;
    },
  );
  expect(told).toEqual(["c1 broken", "c1 broken"]);
  expect(events).toContain("ADD");
});
