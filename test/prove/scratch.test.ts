import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/load.ts";
import { TEST_PREFIX } from "../../src/prove/names.ts";
import { openScratch, type Scratch } from "../../src/prove/scratch.ts";
import { takenFrom } from "../../src/sandbox/unreserved.ts";
import { fileStore } from "../../src/state/store.ts";
import { attachment, keptRecord, useBench } from "../sandbox/context.ts";

const bench = useBench();

function scratch(): Scratch {
  const { context, dir } = bench.current;
  return openScratch({
    config: { ...parseConfig("cni.yaml", ""), stateDir: dir },
    sandbox: context,
    contextIn: (stateDir) => ({ ...context, store: fileStore(stateDir, join(dir, "notes")) }),
    env: {},
  });
}

describe("the sandboxes of a test", () => {
  test("are in a folder of their own, and share the locks on the host's networks", async () => {
    const own = scratch();
    const { store, locker } = bench.current.context;
    own.store.prepare(`${TEST_PREFIX}0-1`);
    expect(store.list()).toEqual([]);
    expect(own.store.list()).toEqual([`${TEST_PREFIX}0-1`]);
    const lock = await own.locker.lock(own.store.dir, "exclusive", 0);
    expect(await locker.lock(store.dir, "shared", 0)).toBeUndefined();
    lock?.release();
  });

  test("do not get an address that a container keeps while nobody holds it", () => {
    const { context, dir } = bench.current;
    mkdirSync(join(dir, "containers/c1"), { recursive: true });
    context.store.prepare("c1");
    // Of an earlier boot: nobody has been started since.
    context.store.write(keptRecord(bench.current, { bootId: "boot-0" }));
    const peer = {
      ...keptRecord(bench.current),
      id: `${TEST_PREFIX}0-1`,
      attachments: [attachment],
    };
    expect(takenFrom(scratch(), peer)).toMatchObject({ address: "10.9.0.2/24", id: "c1" });
  });
});
