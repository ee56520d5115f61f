import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { CniError, type NetworkList, type Result, type RuntimeConf } from "../../src/cni/index.ts";
import { recordingLog } from "../../src/lib/log.ts";
import { attachAll, detachAll } from "../../src/sandbox/attach.ts";
import type { SandboxContext } from "../../src/sandbox/context.ts";
import { reattach } from "../../src/sandbox/rebuild.ts";
import type { AttachmentRecord, SandboxRecord } from "../../src/state/record.ts";
import { attachment, keptRecord, RESULT, useBench } from "./context.ts";

const bench = useBench();
const MAC = "02:00:00:00:00:01";
let refused: CniError;

/** What one ADD was asked for. */
interface Asked {
  args: Record<string, string>;
  capabilities: Record<string, unknown>;
  ips: unknown;
}

let asked: Asked[];
beforeEach(() => {
  asked = [];
  refused = new CniError({ kind: "plugin", msg: "invalid IP address", plugin: "calico" });
  mkdirSync(join(bench.current.dir, "containers/c1"), { recursive: true });
});

/** A context whose plugin refuses what `refuses` says, and gives `result` otherwise. */
function plugin(refuses: (asked: Asked) => boolean, result: Result = RESULT) {
  const { log, lines } = recordingLog();
  const addNetworkList = async (list: NetworkList, rt: RuntimeConf): Promise<Result> => {
    const { ips }: { ips?: unknown } = JSON.parse(list.raw).plugins[0].args?.cni ?? {};
    const { IgnoreUnknown: _, ...args } = Object.fromEntries(rt.cniArgs ?? []);
    const one = { args, capabilities: { ...rt.capabilityArgs }, ips };
    asked.push(one);
    bench.current.events.push("ADD");
    if (refuses(one)) throw refused;
    return result;
  };
  const { context } = bench.current;
  const own: SandboxContext = { ...context, log, cni: { ...context.cni, addNetworkList } };
  return { context: own, lines };
}

function record(more: Partial<AttachmentRecord> = {}, ipam: object = {}): SandboxRecord {
  const plugins = [{ type: "bridge", ipam }];
  const list = JSON.stringify({ cniVersion: "1.0.0", name: "lan", plugins });
  const made = keptRecord(bench.current, { attachments: [{ ...attachment, list, ...more }] });
  bench.current.context.store.prepare(made.id);
  bench.current.context.store.write(made);
  return made;
}

function gives(...addresses: string[]): Result {
  return { ...RESULT, ips: addresses.map((address) => ({ address, interface: 0 })) };
}

function asksForIps({ args, ips }: Asked): boolean {
  return args["IP"] !== undefined || ips !== undefined;
}

const DUAL = ["10.9.0.2/24", "fd00::2/64"];

describe("a network that is built again", () => {
  test("is asked for one address of each family where IP takes only one", async () => {
    const { context, lines } = plugin(
      ({ args }) => args["IP"]?.includes(",") ?? false,
      gives(...DUAL),
    );
    const kept = record({ addresses: DUAL });
    await reattach(context, kept);
    expect(asked.at(-1)).toEqual({ args: {}, capabilities: {}, ips: DUAL });
    expect(bench.current.events.filter((event) => /^(ADD|DEL)$/.test(event)).slice(-3)).toEqual([
      "ADD",
      "DEL",
      "ADD",
    ]);
    expect(kept.attachments[0]?.addresses).toEqual(DUAL);
    expect(lines.filter(({ msg }) => msg.includes("in the place of"))).toEqual([]);
  });

  test("is asked for nothing at last, and what differs is logged", async () => {
    const { context, lines } = plugin(asksForIps, gives("10.9.0.7/24"));
    const kept = record();
    await reattach(context, kept);
    expect(kept.attachments[0]).toMatchObject({
      addresses: ["10.9.0.7/24"],
      formerAddresses: record().attachments[0]?.addresses,
    });
    const line = lines.find(({ msg }) => msg.includes("in the place of"));
    expect(line?.level).toBe("warn");
    expect(line?.msg).toMatch(/10\.9\.0\.7\/24.*10\.9\.0\.2\/24/);
  });

  test("loses a MAC that it refuses, and not its addresses", async () => {
    const { context } = plugin(({ args }) => args["MAC"] !== undefined);
    await reattach(context, record({ mac: MAC }));
    expect(asked.at(-1)?.args).toEqual({ IP: "10.9.0.2" });
  });

  test.each([
    { addresses: ["10.9.0.2/24"], ips: undefined, title: "nothing for what it is configured with" },
    { addresses: ["10.9.0.5/24"], ips: ["10.9.0.5/24"], title: "others in args.cni" },
  ])("by static IPAM is asked for $title", async ({ addresses, ips }) => {
    const { context } = plugin(() => false, gives(...addresses));
    const ipam = { type: "static", addresses: [{ address: "10.9.0.2/24" }] };
    await reattach(context, record({ addresses }, ipam));
    expect(asked).toEqual([{ args: {}, capabilities: {}, ips }]);
  });

  test("is never without what the operator asked for", async () => {
    const { context } = plugin(() => true);
    const cniArgs: [string, string][] = [["IP", "10.9.0.2"]];
    await expect(reattach(context, record({ mac: MAC, cniArgs }))).rejects.toBe(refused);
    expect(new Set(asked.map(({ args }) => args["IP"]))).toEqual(new Set(["10.9.0.2"]));
  });
});

/** What `ip -json address` prints of the interface. */
const SEEN = {
  interfaces: [
    { name: "lo", up: true, mtu: 65536, mac: "00:00:00:00:00:00", addresses: ["127.0.0.1/8"] },
    {
      name: "eth0",
      up: true,
      mtu: 1500,
      mac: "02:00:00:00:00:77",
      addresses: ["10.9.0.77/24"],
    },
  ],
  routes: [],
};

function listWith(more: object): string {
  const plugins = [{ type: "bridge", ...more }];
  return JSON.stringify({ cniVersion: "1.0.0", name: "lan", plugins });
}

describe("what the operator asked for and a network did not give", () => {
  test.each<{
    title: string;
    more: Partial<AttachmentRecord>;
    says: string;
    result?: Result;
  }>([
    {
      title: "an address in CNI_ARGS",
      more: { cniArgs: [["IP", "10.9.0.9"]] },
      says: "network lan was asked for the address 10.9.0.9 and gave 10.9.0.2/24",
    },
    {
      title: "an address by capability",
      more: { capabilityArgs: { ips: ["10.9.0.9/24"] } },
      says: "network lan was asked for the address 10.9.0.9/24 and gave 10.9.0.2/24",
    },
    {
      title: "a MAC",
      more: { cniArgs: [["MAC", "02:00:00:00:00:09"]] },
      says: `network lan was asked for the MAC 02:00:00:00:00:09 and gave ${MAC}`,
    },
    {
      title: "an address in args.cni",
      more: { list: listWith({ args: { cni: { ips: ["10.9.0.9"] } } }) },
      says: "network lan was asked for the address 10.9.0.9 and gave 10.9.0.2/24",
    },
    {
      title: "one of two addresses",
      more: { cniArgs: [["IP", "10.9.0.2,fd00::9"]] },
      says: "network lan was asked for the address fd00::9 and gave 10.9.0.2/24",
    },
    {
      title: "a MAC, where only the interface tells",
      more: { capabilityArgs: { mac: "02:00:00:00:00:09" } },
      result: { ...RESULT, interfaces: [{ name: "cali1" }] },
      says: "network lan was asked for the MAC 02:00:00:00:00:09 and gave 02:00:00:00:00:77",
    },
    {
      title: "an address, where only the interface tells",
      more: { cniArgs: [["IP", "10.9.0.9"]] },
      result: { cniVersion: "1.0.0" },
      says: "network lan was asked for the address 10.9.0.9 and gave 10.9.0.77/24",
    },
    {
      title: "an interface",
      more: { ifName: "net1", ifNameAsked: true },
      result: { ...RESULT, interfaces: [{ name: "lo", sandbox: "/run/netns/c1" }] },
      says: "network lan was asked for the interface net1 and gave lo",
    },
  ])("is an error: $title", async ({ more, says, result }) => {
    const { context } = plugin(() => false, result);
    context.netns.show = async () => SEEN;
    await expect(attachAll(context, record({ addresses: [], ...more }))).rejects.toThrow(says);
  });

  test("is none in another spelling", async () => {
    const { context } = plugin(() => false, gives("fd00::2/64"));
    const cniArgs: [string, string][] = [
      ["IP", "fd00:0::2"],
      ["MAC", MAC.toUpperCase()],
    ];
    await expect(attachAll(context, record({ addresses: [], cniArgs }))).resolves.toBeUndefined();
  });
});

const withMac = (mac?: string): Result => ({
  ...RESULT,
  interfaces: [{ name: "eth0", sandbox: "/run/netns/c1", ...(mac !== undefined && { mac }) }],
});
const announced = () => bench.current.events.filter((event) => event.startsWith("announce"));

describe("an address that was asked for", () => {
  const cniArgs: [string, string][] = [["IP", "10.9.0.2"]];
  const OWN = "02:42:0a:09:00:02";
  test("is not announced where it has its own MAC", async () => {
    const { context } = plugin(() => false, withMac(OWN));
    await attachAll(context, record({ addresses: [], cniArgs, mac: OWN }));
    expect(asked[0]?.args).toEqual({ IP: "10.9.0.2", MAC: OWN });
    expect(announced()).toEqual([]);
  });

  test.each<{ title: string; more: Partial<AttachmentRecord>; result: Result; says: string[] }>([
    {
      title: "where the network gave another MAC",
      more: { mac: OWN },
      result: RESULT,
      says: ["announce eth0 10.9.0.2"],
    },
    {
      title: "where the operator wanted another MAC",
      more: { cniArgs: [...cniArgs, ["MAC", MAC]] },
      result: RESULT,
      says: ["announce eth0 10.9.0.2"],
    },
    {
      title: "in IPv6, to which no MAC belongs",
      more: { mac: OWN, cniArgs: [["IP", "10.9.0.2,fd00:0::2"]] },
      result: { ...withMac(OWN), ips: gives(...DUAL).ips ?? [] },
      says: ["announce eth0 fd00::2"],
    },
    {
      title: "of before, with another MAC than before",
      more: { addresses: ["10.9.0.2/24"], mac: "02:00:00:00:00:33", cniArgs: [] },
      result: RESULT,
      says: ["announce eth0 10.9.0.2"],
    },
    {
      title: "of before with the MAC of before: not",
      more: { addresses: ["10.9.0.2/24"], mac: MAC, cniArgs: [] },
      result: RESULT,
      says: [],
    },
    {
      title: "that nobody asked for: not",
      more: { cniArgs: [["POOL", "a"]] },
      result: RESULT,
      says: [],
    },
  ])("is announced $title", async ({ more, result, says }) => {
    const { context } = plugin(() => false, result);
    await attachAll(context, record({ addresses: [], cniArgs, ...more }));
    expect(announced()).toEqual(says);
  });

  test("comes without its MAC where the plugin refuses that, and with the one it has", async () => {
    const { context } = plugin(({ args }) => args["MAC"] !== undefined);
    refused = new CniError({ kind: "plugin", msg: "failed to set hardware addr" });
    const made = record({ addresses: [], cniArgs, mac: OWN });
    await attachAll(context, made);
    expect(asked.map(({ args }) => args["MAC"])).toEqual([OWN, undefined]);
    expect(made.attachments[0]?.mac).toBe(MAC);
  });

  test("is known with the interface's MAC where the result tells none", async () => {
    const { context } = plugin(() => false, withMac());
    context.netns.show = async () => SEEN;
    const made = record({ addresses: [], cniArgs, mac: OWN });
    await attachAll(context, made);
    expect(made.attachments[0]?.mac).toBe("02:00:00:00:00:77");
  });
});

describe("DEL is told what the record knows of the result, should the cache have lost it:", () => {
  test.each([
    {
      title: "addresses, MAC and namespace",
      more: { addresses: ["10.9.0.2/24", "fd00::2/64"], mac: "02:00:00:00:00:01" },
      knownResult: {
        cniVersion: "1.0.0",
        interfaces: [{ name: "eth0", mac: "02:00:00:00:00:01", sandbox: "/run/netns/c1" }],
        ips: [
          { address: "10.9.0.2/24", interface: 0 },
          { address: "fd00::2/64", interface: 0 },
        ],
      },
    },
    { title: "nothing of what had no address", more: { addresses: [] }, knownResult: undefined },
  ])("$title", async ({ more, knownResult }) => {
    const { context } = bench.current;
    const told: unknown[] = [];
    context.cni.delNetworkList = async (_list, _conf, options) => {
      told.push(options?.knownResult);
    };
    const attachments = [{ ...attachment, ...more }];
    await detachAll(context, keptRecord(bench.current, { attachments }));
    expect(told).toEqual([knownResult]);
  });
});
