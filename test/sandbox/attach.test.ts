import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { CniError, type NetworkList, type Result, type RuntimeConf } from "../../src/cni/index.ts";
import { recordingLog } from "../../src/log.ts";
import { attachAll } from "../../src/sandbox/attach.ts";
import type { SandboxContext } from "../../src/sandbox/context.ts";
import { reattach } from "../../src/sandbox/rebuild.ts";
import type { AttachmentRecord, SandboxRecord } from "../../src/sandbox/record.ts";
import { attachment, keptRecord, RESULT, useBench } from "./context.ts";

const bench = useBench();
const MAC = "02:00:00:00:00:01";
const refused = new CniError({ kind: "plugin", msg: "invalid IP address", plugin: "calico" });

/** What one ADD was asked for. */
interface Asked {
  args: Record<string, string>;
  capabilities: Record<string, unknown>;
  ips: unknown;
}

let asked: Asked[];
beforeEach(() => {
  asked = [];
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
    expect(bench.current.events.slice(-3)).toEqual(["ADD", "DEL", "ADD"]);
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

describe("what the operator asked for and a network did not give", () => {
  test.each<{ title: string; more: Partial<AttachmentRecord>; says: string }>([
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
  ])("is an error: $title", async ({ more, says }) => {
    const { context } = plugin(() => false);
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
