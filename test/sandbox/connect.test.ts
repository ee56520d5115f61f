import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { CniError } from "../../src/cni/index.ts";
import { connectRequest, type ConnectWords } from "../../src/request/connect-request.ts";
import { connect } from "../../src/sandbox/connect.ts";
import { disconnect } from "../../src/sandbox/disconnect.ts";
import { collect, sweep } from "../../src/sandbox/gc.ts";
import { checkSandbox, healSandbox } from "../../src/sandbox/heal.ts";
import { findKeptSandbox } from "../../src/sandbox/life.ts";
import type { AttachmentRecord, SandboxRecord } from "../../src/state/record.ts";
import {
  attachment,
  keptRecord,
  publishing,
  PORT,
  useBench,
  writeRuntimeState,
} from "./context.ts";

const bench = useBench();
const REFUSED = new CniError({ kind: "plugin", msg: "no such bridge" });
const ROUTE = { family: 4, text: "default via 10.9.0.1 dev eth0" } as const;
const BROUGHT = { family: 4, text: "default via 10.8.0.1 dev eth1" } as const;
const BACK = {
  cniVersion: "1.0.0",
  name: "back",
  plugins: [{ type: "bridge" }],
};
const back: AttachmentRecord = {
  ...attachment,
  network: "back",
  ifName: "eth1",
  list: JSON.stringify(BACK),
  addresses: ["10.8.0.2/24"],
  connected: true,
};

beforeEach(() => {
  const { dir, namespaces } = bench.current;
  for (const folder of ["containers/c1", "volumes", "net.d"]) {
    mkdirSync(join(dir, folder), { recursive: true });
  }
  writeFileSync(join(dir, "net.d/20-back.conflist"), JSON.stringify(BACK));
  namespaces.add("c1");
});

/** Writes the record of a container, which runs unless told. */
function write(more: Partial<SandboxRecord> = {}, isRunning = true): void {
  const { context } = bench.current;
  if (isRunning) writeRuntimeState(bench.current);
  context.store.prepare("c1");
  context.store.write(keptRecord(bench.current, more));
  if (!isRunning) context.store.markStopped("c1");
}

function record(): SandboxRecord {
  const found = bench.current.context.store.read("c1");
  if (typeof found !== "object") throw new Error(`the record is ${found}`);
  return found;
}

/** Gives the namespace a default route, which the ADD of another network covers by its own. */
function withRoutes(): void {
  const { context, events } = bench.current;
  context.netns.defaultRoutes = async () => {
    const isAdded = events.includes("ADD") && !events.includes("DEL");
    return events.includes(`route del ${ROUTE.text}`) ? (isAdded ? [BROUGHT] : []) : [ROUTE];
  };
}

function connectTo(words: Partial<ConnectWords> = {}) {
  const { context, dir } = bench.current;
  const request = connectRequest({ network: "back", ...words });
  return connect(context, "c1", { request, confDir: join(dir, "net.d"), workloadArgs: ["id"] });
}

const BESIDE = [
  "route add 0.0.0.0/1 via 10.9.0.1 dev eth0",
  "route add 128.0.0.0/1 via 10.9.0.1 dev eth0",
  `route del ${ROUTE.text}`,
  "ADD",
];
const WITHOUT_STAND_INS = [
  "route del 0.0.0.0/1 via 10.9.0.1 dev eth0",
  "route del 128.0.0.0/1 via 10.9.0.1 dev eth0",
];

describe("connect", () => {
  test("attaches beside the others, and leaves the default route", async () => {
    write();
    withRoutes();
    const { attachment: made, isDone } = await connectTo({ alias: ["shop"] });
    expect(isDone).toBe(true);
    expect(bench.current.events).toEqual([
      ...BESIDE,
      `route del ${BROUGHT.text}`,
      `route add ${ROUTE.text}`,
      ...WITHOUT_STAND_INS,
    ]);
    expect(made).toMatchObject({
      network: "back",
      ifName: "eth1",
      aliases: ["shop"],
      addresses: ["10.9.0.2/24"],
      connected: true,
    });
    expect(record()).toMatchObject({ state: "attached", attachments: [attachment, made] });
    expect(record()).not.toHaveProperty("changing");
  });

  test("takes the default route where it is asked to, which disconnect gives back", async () => {
    write({ attachments: [{ ...attachment, defaultRoute: ["10.9.0.9"] }] });
    withRoutes();
    await connectTo({ defaultRoute: true });
    expect(bench.current.events).toEqual([...BESIDE, ...WITHOUT_STAND_INS]);
    expect(record().attachments).toMatchObject([
      { network: "lan" },
      { network: "back", defaultRoute: [], tookDefaultRoute: { eth0: ["10.9.0.9"] } },
    ]);
    expect(record().attachments[0]).not.toHaveProperty("defaultRoute");
    await disconnect(bench.current.context, "c1", "back");
    expect(record().attachments).toMatchObject([{ network: "lan", defaultRoute: ["10.9.0.9"] }]);
  });

  test("is written ahead", async () => {
    write();
    const { context } = bench.current;
    const add = context.cni.addNetworkList.bind(context.cni);
    let before: SandboxRecord | undefined;
    context.cni.addNetworkList = (...args) => {
      before = record();
      return add(...args);
    };
    await connectTo();
    expect(before?.attachments).toHaveLength(1);
    expect(before?.changing).toMatchObject([
      { change: "connecting", attachment: { network: "back", ifName: "eth1" } },
    ]);
  });

  test("that fails leaves nothing", async () => {
    write();
    withRoutes();
    bench.current.results.push(REFUSED);
    await expect(connectTo()).rejects.toThrow("no such bridge");
    expect(bench.current.events).toEqual([
      ...BESIDE,
      "DEL",
      `route add ${ROUTE.text}`,
      ...WITHOUT_STAND_INS,
    ]);
    expect(record()).toEqual(keptRecord(bench.current));
  });

  test("that fails and cannot be undone is undone by gc", async () => {
    write();
    const { faults, results, context, events } = bench.current;
    results.push(REFUSED);
    faults.set("DEL", new CniError({ kind: "plugin", msg: "iptables is locked" }));
    await expect(connectTo()).rejects.toThrow(
      "no such bridge; and that could not be undone: iptables is locked",
    );
    expect(record()).toMatchObject({ changing: [{ change: "disconnecting" }] });
    faults.clear();
    events.length = 0;
    await collect(context, "c1", { waitMs: 0 });
    expect(events).toEqual(["kill orphans", "DEL"]);
    expect(record()).toEqual(keptRecord(bench.current));
  });

  test("of a stopped container attaches at once where its namespace is there", async () => {
    write({}, false);
    await connectTo();
    expect(bench.current.events).toEqual(["ADD"]);
    expect(record().attachments).toHaveLength(2);
  });

  test.each([
    ["of an earlier boot", { bootId: "boot-0" }],
    ["that is not built again yet", { state: "creating" }],
  ] as const)("of a stopped container %s is left to its start", async (_, more) => {
    write(more, false);
    expect(await connectTo()).toMatchObject({ isDone: false });
    expect(bench.current.events).toEqual([]);
    expect(record()).toMatchObject({ ...more, attachments: [{}, { network: "back" }] });
  });

  test("of a running container whose network is not complete is refused", async () => {
    write({ state: "creating" });
    await expect(connectTo()).rejects.toThrow("runs, and its network is not complete");
  });

  test("of a container that is gone is refused", async () => {
    write({ state: "removing" }, false);
    await expect(connectTo()).rejects.toThrow("the container c1 is gone");
  });

  test("to a network that there is not names those that there are", async () => {
    write();
    await expect(connectTo({ network: "front" })).rejects.toMatchObject({
      code: "BAD_REQUEST",
      hint: "there are: back",
    });
    expect(bench.current.events).toEqual([]);
  });
});

describe("disconnect", () => {
  test("undoes one attachment, and remembers that it was asked for", async () => {
    write({ attachments: [{ ...publishing }, back] });
    const { context, events } = bench.current;
    expect(await disconnect(context, "c1", "lan")).toMatchObject({ unpublished: [PORT] });
    expect(events).toEqual(["DEL"]);
    expect(record()).toMatchObject({ attachments: [back], disconnected: ["lan"] });
    expect(record()).not.toHaveProperty("changing");
  });

  test("of one that was connected leaves no trace, by its interface too", async () => {
    write({ attachments: [{ ...attachment }, back] });
    await disconnect(bench.current.context, "c1", "eth1");
    expect(record()).toEqual(keptRecord(bench.current));
  });

  test("is done even where a plugin fails, and gc tries that again", async () => {
    write({ attachments: [{ ...attachment }, back] });
    const { context, faults, events } = bench.current;
    faults.set("DEL", REFUSED);
    await expect(disconnect(context, "c1", "back")).rejects.toThrow(
      "is off network back, and a plugin did not undo all of it: no such bridge",
    );
    expect(record()).toMatchObject({
      attachments: [attachment],
      changing: [{ change: "disconnecting", attachment: back }],
    });
    faults.clear();
    events.length = 0;
    await sweep(context);
    expect(events).toEqual(["kill orphans", "DEL"]);
    expect(record()).toEqual(keptRecord(bench.current));
  });

  test("of the last network keeps the container as it is, over a rebuild too", async () => {
    write({}, false);
    const { context } = bench.current;
    await disconnect(context, "c1", "lan");
    context.store.write({ ...record(), state: "creating" });
    expect(await findKeptSandbox(context, "c1")).toMatchObject({ attachments: [] });
  });

  test.each([
    ["back", "not connected to network", "it is on: lan (eth0), lan (eth2)"],
    ["lan", "more than once", "name the interface: eth0, eth2"],
  ])("from %s is refused: %s", async (word, message, hint) => {
    write({ attachments: [attachment, { ...attachment, ifName: "eth2" }] });
    const asked = disconnect(bench.current.context, "c1", word);
    await expect(asked).rejects.toMatchObject({ message: expect.stringContaining(message), hint });
    expect(bench.current.events).toEqual([]);
  });
});

describe("a change that was cut short", () => {
  const routes = {
    before: [ROUTE],
    standIns: [{ family: 4, text: "0.0.0.0/1 dev eth0" }],
  } as const;
  const cutShort: Partial<SandboxRecord> = {
    changing: [
      {
        change: "connecting",
        attachment: back,
        routes: { before: [...routes.before], standIns: [...routes.standIns] },
      },
    ],
  };
  const UNDONE = ["kill orphans", "DEL", `route add ${ROUTE.text}`, "route del 0.0.0.0/1 dev eth0"];

  test("is undone by heal, and told by check", async () => {
    write(cutShort);
    const { context, events } = bench.current;
    expect(await checkSandbox(context, "c1")).toEqual({
      health: "broken",
      reason: "connecting back was not done to the end",
    });
    expect(events).toEqual([]);
    expect(await healSandbox(context, "c1")).toMatchObject({ health: "healed" });
    expect(events).toEqual([...UNDONE, "CHECK"]);
    expect(record()).toEqual(keptRecord(bench.current));
  });

  test("is undone by gc while the container runs", async () => {
    write(cutShort);
    expect(await sweep(bench.current.context)).toMatchObject([{ outcome: "kept" }]);
    expect(bench.current.events).toEqual(UNDONE);
  });

  test("is undone by the next start, which does not fail where that fails", async () => {
    write(cutShort, false);
    const { context, faults } = bench.current;
    faults.set("DEL", REFUSED);
    expect(await findKeptSandbox(context, "c1")).toMatchObject({ attachments: [attachment] });
    expect(record().changing).toHaveLength(1);
    faults.clear();
    expect(await findKeptSandbox(context, "c1")).toEqual(keptRecord(bench.current));
  });

  test("is undone with the rest when the container is gone", async () => {
    const { context, events, dir } = bench.current;
    write({ ...cutShort, containerDir: join(dir, "containers/gone") }, false);
    expect(await sweep(context)).toMatchObject([{ outcome: "released" }]);
    expect(events.filter((event) => event === "DEL")).toHaveLength(2);
  });

  test("is undone before another one begins", async () => {
    write(cutShort);
    await connectTo();
    expect(bench.current.events).toEqual([...UNDONE, "ADD"]);
    expect(record().attachments).toHaveLength(2);
  });
});
