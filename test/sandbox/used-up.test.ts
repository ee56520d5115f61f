import { expect, test } from "vitest";
import { CniError } from "../../src/cni/index.ts";
import { explainUsedUp } from "../../src/sandbox/used-up.ts";
import { attachment, keptRecord, useBench } from "./context.ts";

const bench = useBench();
const USED_UP = "no IP addresses available in range set: 10.9.0.1-10.9.0.6";

function keeper(id: string, stoppedHours: number | undefined, network = "lan"): void {
  const { context } = bench.current;
  context.store.prepare(id);
  const attachments = [{ ...attachment, network }];
  context.store.write(keptRecord(bench.current, { id, name: `name-of-${id}`, attachments }));
  if (stoppedHours === undefined) return;
  context.store.markStopped(id);
  const before = context.store;
  const ms = stoppedHours * 3_600_000;
  context.store = { ...before, stoppedFor: (of) => (of === id ? ms : before.stoppedFor(of)) };
}

function explained(msg: string): unknown {
  const { context } = bench.current;
  const error = new CniError({ kind: "plugin", msg, plugin: "bridge", network: "lan" });
  return explainUsedUp(context, keptRecord(bench.current, { id: "new" }), error);
}

test.each([
  {
    title: "several stopped containers keep addresses",
    hours: [1, 50, undefined],
    says: `${USED_UP}; 2 stopped containers keep addresses of network lan, name-of-k1 the longest, stopped 2 days ago`,
  },
  {
    title: "one does",
    hours: [undefined, 1],
    says: `${USED_UP}; 1 stopped container keeps an address of network lan: name-of-k1, stopped 1 hour ago`,
  },
])("a pool that is used up where $title: how many, and which is oldest", ({ hours, says }) => {
  for (const [place, each] of hours.entries()) keeper(`k${place}`, each);
  keeper("elsewhere", 900, "other");
  expect(explained(USED_UP)).toMatchObject({
    message: says,
    hint: "remove what is not needed: docker rm name-of-k1; or see keep and keep_for in cni.yaml",
  });
});

test.each([
  ["no stopped container keeps any", USED_UP, undefined],
  ["the fault is another", "no such device", 3],
])("a fault stays as it is where %s", (_, msg, hours) => {
  keeper("k0", hours);
  expect(explained(msg)).toBeInstanceOf(CniError);
});
