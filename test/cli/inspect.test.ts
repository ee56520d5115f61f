import { describe, expect, test } from "vitest";
import { type Inspected, inspectSandbox } from "../../src/cli/inspect.ts";
import { describeContainer } from "../../src/cli/inspect-text.ts";
import { printable } from "../../src/cli/table.ts";
import type { SandboxView } from "../../src/sandbox/view.ts";
import { keptRecord, RESULT, useBench } from "../sandbox/context.ts";

const bench = useBench();

async function inspected(more: Partial<SandboxView> = {}): Promise<Inspected> {
  const { context } = bench.current;
  const record = keptRecord(bench.current);
  const view: SandboxView = { id: "c1", name: "web", state: "running", record, ...more };
  const peer = { ...view, id: "c2", name: "db" };
  return inspectSandbox(context, { view, others: [view, peer, { ...peer, state: "kept" }] });
}

/** A container with all that can be told of one. */
async function full(): Promise<Inspected> {
  const { context, namespaces, cached } = bench.current;
  namespaces.add("c1");
  context.netns.show = async () => ({
    interfaces: [
      { name: "lo", up: true, mtu: 65_536, mac: null, addresses: ["127.0.0.1/8"] },
      { name: "eth0", up: false, mtu: 1500, mac: "02:00:00:00:00:01", addresses: [] },
    ],
    routes: [{ dst: "default", gateway: "10.9.0.1", interface: "eth0", table: "main" }],
  });
  const counts = { bytes: 700, packets: 7, drops: 1, errors: 0 };
  context.netns.counters = async () => new Map([["eth0", { receive: counts, transmit: counts }]]);
  context.netns.neighbours = async () => [
    { address: "10.9.0.1", mac: "02:00:00:00:00:05", interface: "eth0", state: "REACHABLE" },
  ];
  const result = {
    ...RESULT,
    interfaces: [
      { name: "veth1", mac: "02:00:00:00:00:09" },
      { name: "eth0", mac: "02:00:00:00:00:01", sandbox: "/run/netns/c1", mtu: 1400, pciID: "0:1" },
    ],
    ips: [{ address: "10.9.0.2/24", interface: 1, gateway: "10.9.0.1" }],
    routes: [{ dst: "0.0.0.0/0" }, { dst: "10.0.0.0/8", gw: "10.9.0.3" }],
    dns: { nameservers: ["10.9.0.53"], domain: "example.org", search: ["a.example.org"] },
  };
  cached.push({
    containerId: "c1",
    ifName: "eth0",
    network: "lan",
    netns: "/run/netns/c1",
    config: "{}",
    cniArgs: [],
    capabilityArgs: {},
    result,
  });
  const record = keptRecord(bench.current);
  const [first] = record.attachments;
  if (first) first.capabilityArgs = { portMappings: [{ hostPort: 8080, containerPort: 80 }] };
  return inspected({ record });
}

describe("inspect prints", () => {
  test("no line of more than 80 columns that could be broken", async () => {
    const container = await full();
    const peer = { id: "d".repeat(64), name: null, addresses: ["10.9.0.9/24", "fd00::9/64"] };
    const [network] = container.networks;
    if (network) network.peers = Array.from({ length: 20 }, () => peer);
    const lines = describeContainer(container);
    expect(lines.filter((line) => line.length > 80 && !line.includes("/record.json"))).toEqual([]);
    expect(lines).toContain(
      "  Peers:      dddddddddddd (10.9.0.9, fd00::9), dddddddddddd (10.9.0.9,",
    );
    expect(lines.some((line) => line.endsWith("12 more"))).toBe(true);
  });

  test("a line for each thing that is known, with the values below each other", async () => {
    const text = describeContainer(await full()).join("\n");
    const { dir } = bench.current;
    expect(text.replace(/\(\d+d ago\)/, "(AGE ago)")).toBe(`\
Container:    web
Id:           c1
State:        running, kept after a stop
Created:      2026-01-01T00:00:00Z (AGE ago)
Namespace:    /run/netns/c1
Record:       ${dir}/state/sandboxes/c1/record.json

Network:      lan
  Interface:  eth0
  Addresses:  10.9.0.2/24
  MAC:        (not told)
  Gateway:    10.9.0.1
  Routes:     0.0.0.0/0, 10.0.0.0/8 via 10.9.0.3
  Ports:      8080->80/tcp
  DNS:        10.9.0.53
  Search:     example.org, a.example.org
  Peers:      db (10.9.0.2)
  Plugins:    bridge
  Told of:    veth1 (on the host), mac 02:00:00:00:00:09
  Told of:    eth0 (inside), mac 02:00:00:00:00:01, mtu 1400, pciID 0:1

In the namespace:
  INTERFACE  STATE  MTU    MAC                ADDRESSES
  lo         up     65536  -                  127.0.0.1/8
  eth0       down   1500   02:00:00:00:00:01  -

  ROUTE    GATEWAY   INTERFACE  TABLE
  default  10.9.0.1  eth0       main

  NEIGHBOUR  MAC                INTERFACE  STATE
  10.9.0.1   02:00:00:00:00:05  eth0       REACHABLE

  COUNTER  DIRECTION  BYTES  PACKETS  DROPS  ERRORS
  eth0     receive    700    7        1      0
  eth0     transmit   700    7        1      0`);
  });

  test("what is missing, and why the removal failed", async () => {
    const retry = { attempts: 3, error: "no such bridge", nextAt: 0 };
    const lines = describeContainer(await inspected({ state: "removing", retry }));
    expect(lines).toContain("Namespace:    /run/netns/c1 (not there)");
    expect(lines).toContain("Failure:      no such bridge (3 times)");
    expect(lines).toContain("In the namespace: nothing");
  });
});

test("inspect --json has the members that docs/commands.md names, whether there is anything in them or not", async () => {
  const members = ["id name state keep createdAt networks namespace record results notes"];
  const network =
    "network interface addresses formerAddresses mac ports gateways routes dns plugins interfaces peers";
  for (const each of [await inspected(), await full()]) {
    expect(Object.keys(each).join(" ")).toBe(members.join(" "));
    expect(each.networks.map((of) => Object.keys(of).join(" "))).toEqual([network]);
    expect(Object.keys(each.namespace)).toEqual([
      "path",
      "alive",
      "interfaces",
      "routes",
      "neighbours",
    ]);
  }
});

test("a namespace that ends while it is looked at holds nothing", async () => {
  const { context, namespaces } = bench.current;
  namespaces.add("c1");
  context.netns.show = () => {
    namespaces.clear();
    return Promise.reject(new Error("Cannot open network namespace"));
  };
  expect((await inspected()).namespace).toMatchObject({ alive: false, interfaces: [] });
});

test.each([
  ["an escape sequence", "a\u001B[31mb", String.raw`a\u001b[31mb`],
  ["C1 control characters and DEL", "a\u009B\u007Fb", String.raw`a\u009b\u007fb`],
  ["a carriage return and a tab", "a\r\tb", String.raw`a\u000d\u0009b`],
  ["what turns the direction of writing round", "a\u202Eb", String.raw`a\u202eb`],
  ["nothing but words of any language", "größer 接口 1\n2", "größer 接口 1\n2"],
])("a terminal is not sent %s", (_, text, shown) => {
  expect(printable(text)).toBe(shown);
});
