import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { recordingLog } from "../../src/lib/log.ts";
import { collect } from "../../src/sandbox/gc.ts";
import { keptRecord, useBench } from "./context.ts";

const bench = useBench();

test("a stop is told of once, with the time at which it was, and another stop again", async () => {
  const { dir, context } = bench.current;
  const { log, lines } = recordingLog();
  const record = keptRecord(bench.current);
  mkdirSync(join(dir, "containers/c1"), { recursive: true });
  context.store.prepare("c1");
  context.store.write(record);
  const told = async (): Promise<unknown[]> => {
    await collect({ ...context, log }, "c1", { waitMs: 1000 });
    return lines
      .splice(0)
      .flatMap(({ fields }) => (fields["event"] === "keep" ? fields["at"] : []));
  };
  context.store.markStopped("c1");
  expect(await told()).toEqual([context.store.stoppedAt("c1")]);
  expect(await told()).toEqual([]);
  context.store.clearStopped("c1");
  await new Promise((resolve) => setTimeout(resolve, 5));
  context.store.markStopped("c1");
  expect(await told()).toEqual([context.store.stoppedAt("c1")]);
});
