import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { CniError } from "../../src/cni/index.ts";
import { recordingLog } from "../../src/log.ts";
import { healSandbox } from "../../src/sandbox/heal.ts";
import { checkOrReattach } from "../../src/sandbox/life.ts";
import type { SandboxRecord } from "../../src/sandbox/record.ts";
import { attachment, keptRecord, useBench } from "./context.ts";

const bench = useBench();
let links: string[];

beforeEach(() => {
  const { context, dir, namespaces } = bench.current;
  mkdirSync(join(dir, "containers/c1"), { recursive: true });
  namespaces.add("c1");
  links = ["eth0", "eth1"];
  Object.assign(context.netns, {
    hasLink: async (_: string, ifName: string) => links.includes(ifName),
  });
});

/** A container on two networks, whose CHECK fails one after another. */
function failing(...faults: (CniError | undefined)[]): SandboxRecord {
  const { context } = bench.current;
  const attachments = ["eth0", "eth1"].map((ifName) => Object.assign({}, attachment, { ifName }));
  const record = keptRecord(bench.current, { attachments });
  context.store.prepare(record.id);
  context.store.write(record);
  context.cni.checkNetworkList = async () => {
    const next = faults.shift();
    if (next !== undefined) throw next;
  };
  return record;
}

function fault(msg: string, code = 999): CniError {
  return new CniError({ kind: "plugin", msg, code });
}

const AWAY = fault("dial unix /run/agent.sock: connect: no such file or directory");

describe("a kept network that could not be checked", () => {
  test.each([
    { title: "try again later", error: fault("busy", 11) },
    { title: "the plugin is not available", error: fault("no agent", 50) },
    { title: "its socket is gone", error: AWAY },
    { title: "its agent does not listen", error: fault("connect: connection refused") },
    { title: "the plugin has no CHECK", error: fault("CNI CHECK method is not implemented", 100) },
    { title: "a bridge has no IPAM", error: fault("no plugin name provided") },
  ])("stays where its interfaces are there, and says so: $title", async ({ error }) => {
    const { log, lines } = recordingLog();
    const { context, events } = bench.current;
    await checkOrReattach({ ...context, log }, failing(error));
    expect(events).toEqual([]);
    expect(lines.map(({ level }) => level)).toEqual(["warn"]);
  });

  test.each([
    { title: "an interface is gone", there: ["eth1"], faults: [AWAY] },
    {
      title: "another of its networks is broken",
      there: ["eth0", "eth1"],
      faults: [AWAY, fault("no eth1")],
    },
    { title: "it could be, and is broken", there: ["eth0", "eth1"], faults: [fault("no address")] },
  ])("is built again where $title", async ({ there, faults }) => {
    const { context, events } = bench.current;
    links = there;
    await checkOrReattach(context, failing(...faults));
    expect(events).toContain("ADD");
  });

  test("is not healed either", async () => {
    const { context, events } = bench.current;
    failing(AWAY);
    expect(await healSandbox(context, "c1")).toMatchObject({
      health: "ok",
      reason: expect.stringContaining("dial unix"),
    });
    expect(events).toEqual([]);
  });
});
