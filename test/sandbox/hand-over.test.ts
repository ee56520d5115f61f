import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { recordingLog } from "../../src/lib/log.ts";
import { sweep } from "../../src/sandbox/gc.ts";
import { attachNew } from "../../src/sandbox/life.ts";
import { reattach } from "../../src/sandbox/rebuild.ts";
import type { AttachmentRecord, SandboxRecord } from "../../src/state/record.ts";
import { attachment, keptRecord, RESULT, useBench } from "./context.ts";

const bench = useBench();
const BY_NAME: [string, string][] = [["IP", "10.9.0.2"]];
const OWN_MAC = "02:42:0a:09:00:02";

beforeEach(() => {
  const { context, events } = bench.current;
  context.cni.delNetworkList = async (_list, { containerId, ifName }) => {
    events.push(`DEL ${containerId} ${ifName}`);
  };
});

/** A container that is there, and has 10.9.0.2 unless it is told otherwise. */
function container(
  id: string,
  more: Partial<AttachmentRecord> = {},
  of: Partial<SandboxRecord> = {},
): SandboxRecord {
  const { dir, context, namespaces } = bench.current;
  mkdirSync(join(dir, "containers", id), { recursive: true });
  namespaces.add(id);
  const record = keptRecord(bench.current, {
    id,
    netns: id,
    name: `name-of-${id}`,
    containerDir: join(dir, "containers", id),
    runtimeDir: join(dir, "runc", id),
    attachments: [{ ...attachment, ...more }],
    ...of,
  });
  context.store.prepare(id);
  context.store.write(record);
  return record;
}

function stopped(
  id: string,
  more: Partial<AttachmentRecord> = {},
  of: Partial<SandboxRecord> = {},
) {
  const record = container(id, more, of);
  bench.current.context.store.markStopped(id);
  return record;
}

function fresh(id: string, cniArgs: [string, string][]): SandboxRecord {
  return container(id, { addresses: [], cniArgs }, { state: "creating" });
}

function read(id: string): SandboxRecord {
  const record = bench.current.context.store.read(id);
  if (record === undefined || record === "unreadable") throw new Error(`no record of ${id}`);
  return record;
}

describe("an address that a stopped container keeps", () => {
  test("goes to a new one that asks for it by name, and is released before", async () => {
    const { context, events } = bench.current;
    stopped("old", { mac: OWN_MAC });
    await attachNew(context, fresh("new", BY_NAME));
    expect(events.filter((event) => /^(DEL|ADD)/.test(event))).toEqual(["DEL old eth0", "ADD"]);
    expect(read("old").attachments[0]).toEqual({
      ...attachment,
      addresses: [],
      lost: [{ address: "10.9.0.2/24", by: "new" }],
    });
  });

  test("is still no reason to forget that container", async () => {
    const { context } = bench.current;
    stopped("old");
    await attachNew(context, fresh("new", BY_NAME));
    await sweep(context);
    expect(context.store.list()).toContain("old");
  });

  test.each<{ title: string; cniArgs: [string, string][]; prepare: () => void }>([
    {
      title: "one that does not ask for it by name",
      cniArgs: [["POOL", "a"]],
      prepare: () => stopped("old"),
    },
    {
      title: "one that asks for another",
      cniArgs: [["IP", "10.9.0.3"]],
      prepare: () => stopped("old"),
    },
    {
      title: "one on another network",
      cniArgs: BY_NAME,
      prepare: () => stopped("old", { network: "elsewhere" }),
    },
    {
      title: "anybody while it runs",
      cniArgs: BY_NAME,
      prepare: () => {
        const { runtimeDir } = container("old");
        mkdirSync(runtimeDir, { recursive: true });
      },
    },
  ])("does not go to $title", async ({ cniArgs, prepare }) => {
    const { context, events } = bench.current;
    prepare();
    bench.current.results.push({ ...RESULT, ips: [{ address: "10.9.0.3/24", interface: 0 }] });
    await attachNew(context, fresh("new", cniArgs)).catch(() => {});
    expect(events.filter((event) => event.startsWith("DEL old"))).toEqual([]);
    expect(read("old").attachments[0]?.lost).toBeUndefined();
  });

  test("goes alone: its other networks and addresses stay kept", async () => {
    const { context, events } = bench.current;
    const eth1 = { ...attachment, network: "back", ifName: "eth1", addresses: ["10.8.0.2/24"] };
    const eth0 = { ...attachment, addresses: ["10.9.0.2/24", "fd00::2/64"] };
    stopped("old", {}, { attachments: [eth0, eth1] });
    await attachNew(context, fresh("new", BY_NAME));
    expect(events.filter((event) => event.startsWith("DEL"))).toEqual(["DEL old eth0"]);
    expect(read("old").attachments.map(({ addresses }) => addresses)).toEqual([
      ["fd00::2/64"],
      ["10.8.0.2/24"],
    ]);
    // Nobody is given what no plugin holds meanwhile.
    expect(context.store.listUnreserved()).toContain("old");
  });
});

/** Lets `new` take the address, and gives the old one's record as its next start finds it. */
async function robbed(more: Partial<AttachmentRecord> = {}): Promise<SandboxRecord> {
  stopped("old", more);
  const taker = fresh("new", BY_NAME);
  await attachNew(bench.current.context, taker);
  bench.current.context.store.write({ ...taker, state: "attached" });
  return read("old");
}

describe("a container whose address was taken while it was stopped", () => {
  test("gets another where it had not asked for it, and says who has it", async () => {
    const { log, lines } = recordingLog();
    const old = await robbed();
    bench.current.results.push({ ...RESULT, ips: [{ address: "10.9.0.7/24", interface: 0 }] });
    mkdirSync(join(bench.current.dir, "runc/new"), { recursive: true });
    await reattach({ ...bench.current.context, log }, old);
    expect(old.attachments[0]).toMatchObject({ addresses: ["10.9.0.7/24"] });
    expect(old.attachments[0]).not.toHaveProperty("lost");
    expect(lines.map(({ msg }) => msg)).toContain(
      "10.9.0.2/24 is container name-of-new's now, which asked for it",
    );
  });

  test("does not start where it asked for it too and the other runs, whose name it is told", async () => {
    const old = await robbed({ cniArgs: BY_NAME });
    mkdirSync(join(bench.current.dir, "runc/new"), { recursive: true });
    await expect(reattach(bench.current.context, old)).rejects.toThrow(
      "network lan: the address 10.9.0.2 is container name-of-new's, which asked for it while this one was stopped",
    );
  });

  test("takes it back where it asked for it too and the other is stopped", async () => {
    const old = await robbed({ cniArgs: BY_NAME });
    bench.current.context.store.markStopped("new");
    await reattach(bench.current.context, old);
    expect(old.attachments[0]?.addresses).toEqual(["10.9.0.2/24"]);
    expect(read("new").attachments[0]?.lost).toEqual([{ address: "10.9.0.2/24", by: "old" }]);
  });

  test("has it again where the other is gone", async () => {
    const old = await robbed();
    bench.current.context.store.remove("new");
    await reattach(bench.current.context, old);
    expect(old.attachments[0]?.addresses).toEqual(["10.9.0.2/24"]);
  });
});
