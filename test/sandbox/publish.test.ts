import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { CniError } from "../../src/cni/index.ts";
import { parseSelections } from "../../src/ports/port-selection.ts";
import { parsePorts } from "../../src/ports/ports.ts";
import { takePorts } from "../../src/runtime/take-ports.ts";
import { sweep } from "../../src/sandbox/gc.ts";
import { checkSandbox, healSandbox } from "../../src/sandbox/heal.ts";
import { findKeptSandbox } from "../../src/sandbox/life.ts";
import { type PortsChanged, publish, unpublish } from "../../src/sandbox/publish.ts";
import { publishedPorts, type SandboxRecord } from "../../src/state/record.ts";
import {
  attachment,
  keptRecord,
  PORT,
  publishing,
  useBench,
  writeRuntimeState,
} from "./context.ts";

const bench = useBench();
const REFUSED = new CniError({ kind: "plugin", msg: "iptables is locked" });
const MORE = { hostPort: 40_124, containerPort: 81, protocol: "tcp" } as const;
const AGAIN = ["DEL portMappings", "ADD portMappings"];

beforeEach(() => {
  const { dir, namespaces } = bench.current;
  for (const folder of ["containers/c1", "volumes"]) {
    mkdirSync(join(dir, folder), { recursive: true });
  }
  namespaces.add("c1");
});

/** Writes the record of a container that publishes `PORT`, and runs unless told. */
function write(more: Partial<SandboxRecord> = {}, isRunning = true): SandboxRecord {
  const { context } = bench.current;
  if (isRunning) writeRuntimeState(bench.current);
  const made = keptRecord(bench.current, { attachments: [publishing], ...more });
  context.store.prepare("c1");
  context.store.write(made);
  if (!isRunning) context.store.markStopped("c1");
  return made;
}

function record(): SandboxRecord {
  const found = bench.current.context.store.read("c1");
  if (typeof found !== "object") throw new Error(`the record is ${found}`);
  return found;
}

function asked(words: string): Promise<PortsChanged> {
  const { context } = bench.current;
  return publish(context, "c1", parsePorts({ flag: "publish", value: words }));
}

function given(words: string): Promise<PortsChanged> {
  const { context } = bench.current;
  return unpublish(context, "c1", parseSelections({ flag: "unpublish", value: words }));
}

describe("publish", () => {
  test("calls the plugins that publish, and no others", async () => {
    write();
    expect(await asked("40124:81")).toEqual({ name: "c1", ports: [MORE] });
    expect(bench.current.events).toEqual(AGAIN);
    expect(publishedPorts(record())).toEqual([PORT, MORE]);
    expect(record()).toMatchObject({ published: [MORE] });
    expect(record()).not.toHaveProperty("ports");
  });

  test("is written ahead", async () => {
    write();
    const { context } = bench.current;
    const del = context.cni.delCapability.bind(context.cni);
    let before: SandboxRecord | undefined;
    context.cni.delCapability = (...args) => {
      before = record();
      return del(...args);
    };
    await asked("40124:81");
    expect(before).toMatchObject({ ports: "acquiring", published: [MORE] });
  });

  test("chooses a port that the container does not have, and notes from which", async () => {
    write();
    const { ports } = await asked("40123-40125:80");
    expect(ports).toEqual([{ ...PORT, hostPort: 40_124 }]);
    expect(record().chosenPorts).toMatchObject([{ hostPort: 40_124, from: [40_123, 40_125] }]);
  });

  test("that fails publishes what was published before", async () => {
    const before = write();
    const { context, events } = bench.current;
    const add = context.cni.addCapability.bind(context.cni);
    let isFirst = true;
    context.cni.addCapability = async (...args) => {
      await add(...args);
      if (isFirst) {
        isFirst = false;
        throw REFUSED;
      }
    };
    await expect(asked("40124:81")).rejects.toThrow("iptables is locked");
    expect(events).toEqual([...AGAIN, ...AGAIN]);
    expect(record()).toEqual(before);
  });

  test("that fails and cannot be undone is left to heal and gc, as it was before", async () => {
    const before = write();
    const { context, faults, events } = bench.current;
    faults.set("ADD portMappings", REFUSED);
    await expect(asked("40124:81")).rejects.toThrow("its other ports could not be published again");
    expect(record()).toEqual({ ...before, ports: "acquiring" });
    faults.clear();
    events.length = 0;
    await sweep(context);
    expect(events).toEqual(["kill orphans", ...AGAIN]);
    expect(record()).toEqual(before);
  });

  test.each([
    ["40123:81", "port 40123/tcp of the host is published by container c1 itself"],
    ["40124:81,40123:80", "port 40123/tcp of the host is published by container c1 itself"],
  ])("of %s is refused, and changes nothing", async (words, message) => {
    const before = write();
    await expect(asked(words)).rejects.toMatchObject({ code: "PORT_TAKEN", message });
    expect(record()).toEqual(before);
    expect(bench.current.events).toEqual([]);
  });

  test.each([
    ["no plugin has the capability", [{ type: "bridge" }], "no network of it has a plugin"],
    [
      "its plugins cannot do that alone",
      [{ type: "all", capabilities: { portMappings: true } }],
      "the plugins of network lan cannot publish ports alone",
    ],
  ])("is refused where %s", async (_, plugins, message) => {
    const list = JSON.stringify({ cniVersion: "1.0.0", name: "lan", plugins });
    write({ attachments: [{ ...attachment, list }] });
    await expect(asked("40124:81")).rejects.toThrow(message);
  });

  test("of a stopped container is done by its start", async () => {
    write({ ports: "released" }, false);
    await asked("40124:81");
    expect(bench.current.events).toEqual([]);
    expect(record()).toMatchObject({ ports: "released", published: [MORE] });
    expect(publishedPorts(record())).toEqual([PORT, MORE]);
  });

  test("of a container that has just stopped gives back its ports first", async () => {
    write({}, false);
    await asked("40124:81");
    expect(bench.current.events).toEqual(["DEL portMappings"]);
    expect(record().ports).toBe("released");
  });
});

describe("unpublish", () => {
  test("takes away what was asked for at first, and what was published since", async () => {
    write();
    await asked("40124:81");
    await given("40123");
    expect(publishedPorts(record())).toEqual([MORE]);
    expect(record()).toMatchObject({ published: [MORE], unpublished: [PORT] });
    await given("40124:81");
    expect(publishedPorts(record())).toEqual([]);
    expect(record()).toMatchObject({ unpublished: [PORT] });
    expect(record()).not.toHaveProperty("published");
    await asked("40123:80");
    expect(record()).toEqual(keptRecord(bench.current, { attachments: [publishing] }));
  });

  test("keeps a port its own until its DEL is done", async () => {
    write();
    const { context } = bench.current;
    const seen: SandboxRecord[] = [];
    const del = context.cni.delCapability.bind(context.cni);
    context.cni.delCapability = (...args) => {
      seen.push(record());
      return del(...args);
    };
    await given("40123");
    expect(publishedPorts(seen[0] ?? record())).toEqual([PORT]);
    expect(seen[0]).toMatchObject({ unpublishing: [PORT], ports: "acquiring" });
    expect(bench.current.events).toEqual(AGAIN);
  });

  test("whose DEL fails changes nothing", async () => {
    const before = write();
    const { context, events } = bench.current;
    const del = context.cni.delCapability.bind(context.cni);
    let isFirst = true;
    context.cni.delCapability = async (...args) => {
      await del(...args);
      if (isFirst) {
        isFirst = false;
        throw REFUSED;
      }
    };
    await expect(given("40123")).rejects.toThrow("iptables is locked");
    expect(events).toEqual(["DEL portMappings", ...AGAIN]);
    expect(record()).toEqual(before);
  });

  test("of the last port of a stopped container is told to the plugins by its start", async () => {
    write({ ports: "released" }, false);
    const { context } = bench.current;
    await given("40123");
    const kept = record();
    expect(kept).toMatchObject({ ports: "released", unpublished: [PORT] });
    await takePorts(context, { record: kept, ports: { take: "again" }, isEdited: false });
    expect(record()).toMatchObject({ ports: "acquiring" });
  });

  test.each([
    ["40124", "container c1 publishes no port 40124"],
    ["40123/udp", "container c1 publishes no port 40123/udp"],
    ["40123:81", "container c1 publishes no port 40123:81"],
    ["127.0.0.1:40123", "container c1 publishes no port 127.0.0.1:40123"],
  ])("of %s, which is not published, is refused", async (words, message) => {
    write();
    await expect(given(words)).rejects.toMatchObject({
      code: "BAD_REQUEST",
      message,
      hint: "it publishes: 40123:80/tcp",
    });
  });
});

describe("a change of ports that was cut short", () => {
  const cutShort = { ports: "acquiring", unpublishing: [PORT], published: [MORE] } as const;
  const more = (): Partial<SandboxRecord> => ({
    ...cutShort,
    unpublishing: [...cutShort.unpublishing],
    published: [...cutShort.published],
    attachments: [{ ...publishing, capabilityArgs: { portMappings: [PORT, MORE] } }],
  });

  test.each(["gc", "heal"] as const)("is done to the end by %s", async (who) => {
    write(more());
    const { context, events } = bench.current;
    expect(await checkSandbox(context, "c1")).toMatchObject({
      health: "broken",
      reason: "its ports were not published to the end",
    });
    events.length = 0;
    await (who === "gc" ? sweep(context) : healSandbox(context, "c1"));
    expect(events.slice(0, 3)).toEqual(["kill orphans", ...AGAIN]);
    expect(publishedPorts(record())).toEqual([MORE]);
    expect(record()).not.toHaveProperty("ports");
    expect(record()).not.toHaveProperty("unpublishing");
  });

  test("is done to the end by a start", async () => {
    write(more(), false);
    const { context, events } = bench.current;
    const kept = await findKeptSandbox(context, "c1");
    expect(events).toEqual(["kill orphans", "DEL portMappings"]);
    expect(publishedPorts(kept ?? record())).toEqual([MORE]);
    expect(record()).toMatchObject({ ports: "released", unpublished: [PORT] });
  });
});
