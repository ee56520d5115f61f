import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { CniError, type Result } from "../../src/cni/index.ts";
import type { Seen, SeenInterface, SeenRoute } from "../../src/netns/show.ts";
import { recordingLog } from "../../src/lib/log.ts";
import { checkSandbox, healSandbox } from "../../src/sandbox/heal.ts";
import { checkOrReattach } from "../../src/sandbox/life.ts";
import type { SandboxRecord } from "../../src/state/record.ts";
import { attachment, keptRecord, useBench, writeRuntimeState } from "./context.ts";

const bench = useBench();
let links: string[];
/** What the namespace holds. */
let namespace: Seen;
const ADDRESS = "10.9.0.2/24";

beforeEach(() => {
  const { context, dir, namespaces } = bench.current;
  mkdirSync(join(dir, "containers/c1"), { recursive: true });
  namespaces.add("c1");
  links = ["eth0", "eth1"];
  namespace = { interfaces: links.map((name) => link(name, ADDRESS)), routes: [route("default")] };
  Object.assign(context.netns, {
    show: async () => namespace,
    hasLink: async (_: string, ifName: string) => links.includes(ifName),
  });
});

function link(name: string, ...addresses: string[]): SeenInterface {
  return { name, up: true, mtu: 1500, mac: null, addresses };
}

function route(dst: string): SeenRoute {
  return { dst, gateway: null, interface: "eth0", table: "main" };
}

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

  test("and is broken is healed when the plugin answers again", async () => {
    const { context } = bench.current;
    failing(AWAY, undefined, fault("no address"));
    expect(await healSandbox(context, "c1")).toMatchObject({ health: "ok" });
    expect(await healSandbox(context, "c1")).toMatchObject({ health: "healed" });
  });

  test("is not torn down by heal while STATUS says that it could not be built again", async () => {
    const { context, events } = bench.current;
    failing(fault("no address"));
    mkdirSync(join(bench.current.dir, "runc/c1"), { recursive: true });
    context.cni.statusNetworkList = () => Promise.reject(fault("no agent", 50));
    expect(await healSandbox(context, "c1")).toMatchObject({
      health: "broken",
      reason: expect.stringMatching(/no address.*no agent/),
    });
    expect(events).toEqual([]);
  });
});

describe("a kept network that could not be checked is as its ADD told", () => {
  const told: Result = {
    cniVersion: "1.0.0",
    interfaces: [{ name: "eth0", sandbox: "/run/netns/c1" }],
    ips: [
      { address: "10.9.0.2/24", interface: 0 },
      { address: "fd00:0::2/64", interface: 0 },
    ],
    routes: [{ dst: "0.0.0.0/0" }, { dst: "10.7.0.1/32" }, { dst: "fd01::/64" }],
  };
  const lo = link("lo", "::1/128");
  const eth0 = link("eth0", ADDRESS, "fd00::2/64");
  const routes = ["default", "10.7.0.1", "fd01::/64"].map(route);

  test.each([
    { title: "when all is there", interfaces: [lo, eth0], routes, stands: true },
    {
      title: "without IPv6 where that is switched off",
      interfaces: [link("eth0", ADDRESS)],
      routes: routes.slice(0, 2),
      stands: true,
    },
    {
      title: "not without an address",
      interfaces: [lo, link("eth0", ADDRESS)],
      routes,
      stands: false,
    },
    {
      title: "not with an address on another interface",
      interfaces: [lo, { ...eth0, name: "eth1" }],
      routes,
      stands: false,
    },
    {
      title: "not without a route",
      interfaces: [lo, eth0],
      routes: routes.slice(1),
      stands: false,
    },
  ])("$title", async ({ interfaces, routes: there, stands }) => {
    const { context, events } = bench.current;
    namespace = { interfaces, routes: there };
    const record = failing(AWAY);
    record.attachments.splice(1);
    context.cni.cachedResult = () => told;
    await checkOrReattach(context, record);
    expect(events.includes("ADD")).toBe(!stands);
  });
});

test.each([
  { title: "is whole, is only given the name", faults: [], rebuilt: false },
  { title: "is broken, is built again", faults: [fault("no eth0")], rebuilt: true },
])("a running container whose namespace lost its name and $title", async ({ faults, rebuilt }) => {
  const { context, namespaces, events } = bench.current;
  failing(...faults);
  writeRuntimeState(bench.current);
  namespaces.clear();
  context.netns.attach = async (name) => void namespaces.add(name);
  expect(await healSandbox(context, "c1")).toMatchObject({ health: "healed" });
  expect(events.includes("DEL")).toBe(rebuilt);
  expect(namespaces.has("c1")).toBe(true);
  expect(await healSandbox(context, "c1")).toMatchObject({ health: "ok" });
});

describe("a fault of CHECK that is there right after a rebuild too", () => {
  test("is noted as the plugin's own, and the network is not built again for it", async () => {
    const { context, events } = bench.current;
    const record = failing();
    context.cni.checkNetworkList = async (_, { ifName }, { ignore } = {}) => {
      const error = fault(
        `interface ${events.includes("ADD") ? "veth1a2b3c4d" : "veth55667788"} has no ipam`,
      );
      if (ifName === "eth1" && ignore?.(error) !== true) throw error;
    };
    await checkOrReattach(context, record);
    expect(events).toContain("ADD");
    events.length = 0;
    const later = context.store.read("c1");
    if (typeof later !== "object") throw new Error("no record");
    await checkOrReattach(context, later);
    expect(await healSandbox(context, "c1")).toMatchObject({ health: "ok" });
    expect(await checkSandbox(context, "c1")).toEqual({
      health: "ok",
      reason: expect.stringContaining("has no ipam"),
    });
    expect(events).toEqual([]);
  });

  test("and another one than before is not", async () => {
    const { context, events } = bench.current;
    const record = failing(fault("no eth0"));
    await checkOrReattach(context, record);
    expect(events).toContain("ADD");
    expect(record.attachments.some(({ falseFaults }) => falseFaults !== undefined)).toBe(false);
  });
});
