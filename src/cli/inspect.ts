import { Command } from "commander";
import { containerAddresses, type Dns, parseNetworkList, type Result } from "../cni/index.ts";
import { netnsPath } from "../netns/netns.ts";
import type { SeenInterface, SeenRoute } from "../netns/show.ts";
import type { Counters, Neighbour } from "../netns/traffic.ts";
import type { SandboxContext } from "../sandbox/context.ts";
import { ignoredLabels } from "../sandbox/ignored-labels.ts";
import { type AttachmentRecord, cniIdOf, type SandboxRecord } from "../state/record.ts";
import { unsettledReason } from "../sandbox/settle.ts";
import { type SandboxView, viewSandboxes } from "../sandbox/view.ts";
import type { OperatorCall } from "./cli.ts";
import { pickIfThere } from "./find.ts";
import { formatter } from "./format.ts";
import { describeContainer, describeUnattached } from "./inspect-text.ts";
import { asJson, networkJson } from "./container-json.ts";
import { findUnattached } from "./unattached.ts";

/** `inspect`: all that is known of a container's network, and what its namespace holds at this moment. */
export function inspectCommand(call: OperatorCall): Command {
  const { sandbox, config, print } = call;
  return new Command("inspect")
    .argument("<container>", "its name, or its id or the beginning of it")
    .option("--format <template>", "print by a Go template, or json")
    .option("--json", "print an object, see docs/commands.md")
    .action(async (container: string, { json, format }: { json?: boolean; format?: string }) => {
      const show = json ? (value: unknown) => JSON.stringify(value, null, 2) : formatted(format);
      const views = await viewSandboxes(sandbox);
      const view = pickIfThere(views, container);
      if (view === undefined) {
        const unattached = await findUnattached(call, views, container);
        print(...(show ? [show(unattached)] : describeUnattached(unattached)));
        return;
      }
      const unknown = config.imageLabels === "allow" ? "use" : "ignore";
      const notes = ignoredLabels(sandbox.store, view.record, unknown);
      const inspected = await inspectSandbox(sandbox, { view, notes, others: views });
      print(...(show ? [show(inspected)] : describeContainer(inspected)));
    });
}

function formatted(template: string | undefined): ReturnType<typeof formatter> | undefined {
  return template === undefined ? undefined : formatter(template);
}

/** A network of a container as `inspect` tells of it: what was asked for, and what the last ADD gave. */
export interface InspectedNetwork extends ReturnType<typeof networkJson> {
  gateways: string[];
  routes: { dst: string; gateway: string | null }[];
  dns: Dns;
  /** The types of the network's plugins, in their order. */
  plugins: string[];
  /** All interfaces that the plugins told of, with what they said of each; `sandbox` is missing on the host's side. */
  interfaces: Record<string, unknown>[];
  /** The other containers on the network that run. */
  peers: { id: string; name: string | null; addresses: string[] }[];
}

/** What the namespace holds at this moment. */
interface InspectedNamespace {
  path: string;
  alive: boolean;
  interfaces: (SeenInterface & { counters: Counters | null })[];
  routes: SeenRoute[];
  neighbours: Neighbour[];
}

/** A container as `inspect --json` prints it. What is in `record` and `results` may change with every version. */
export interface Inspected extends Omit<ReturnType<typeof asJson>, "networks"> {
  networks: InspectedNetwork[];
  namespace: InspectedNamespace;
  record: SandboxRecord & { path: string };
  /** By interface: the cached result of the last ADD; null when there is none. */
  results: Record<string, unknown>;
  /** What of its request is not counted. */
  notes: string[];
}

interface InspectOptions {
  view: SandboxView;
  /** What of its request is not counted. */
  notes?: string[];
  /** All sandboxes, of which those on the same networks are its peers. */
  others?: readonly SandboxView[];
}

/** Reads all that is known of a sandbox; a namespace that ends meanwhile holds nothing. */
export async function inspectSandbox(
  { cni, netns, store }: SandboxContext,
  { view, notes = [], others = [] }: InspectOptions,
): Promise<Inspected> {
  const { id, record } = view;
  const results = record.attachments.map(({ list, ifName }) =>
    cni.cachedResult(parseNetworkList(list), { containerId: cniIdOf(record), ifName }),
  );
  return {
    ...asJson(view),
    networks: record.attachments.map((each, place) => ({
      ...inspectNetwork(each, results[place]),
      peers: peersOf(id, each.network, others),
    })),
    namespace: await inspectNamespace(netns, record.netns),
    record: { ...record, path: `${store.pathOf(id)}/record.json` },
    results: Object.fromEntries(
      record.attachments.map(({ ifName }, place) => [ifName, results[place] ?? null]),
    ),
    notes: [...notes, ...[unsettledReason({ store }, record) ?? []].flat()],
  };
}

async function inspectNamespace(
  netns: SandboxContext["netns"],
  name: string,
): Promise<InspectedNamespace> {
  const path = netnsPath(name);
  const nothing = { path, alive: false, interfaces: [], routes: [], neighbours: [] };
  if (!netns.isAlive(name)) return nothing;
  try {
    const [{ interfaces, routes }, counters, neighbours] = await Promise.all([
      netns.show(name),
      netns.counters(name),
      netns.neighbours(name),
    ]);
    const counted = interfaces.map((each) =>
      Object.assign({}, each, { counters: counters.get(each.name) ?? null }),
    );
    return { path, alive: true, interfaces: counted, routes, neighbours };
  } catch (error) {
    if (netns.isAlive(name)) throw error;
    return nothing;
  }
}

function peersOf(
  own: string,
  network: string,
  others: readonly SandboxView[],
): InspectedNetwork["peers"] {
  const running = others.filter(({ id, state }) => id !== own && state === "running");
  return running.flatMap(({ id, name, record }) =>
    record.attachments
      .filter((each) => each.network === network)
      .map(({ addresses }) => ({ id, name: name ?? null, addresses })),
  );
}

function inspectNetwork(
  attachment: AttachmentRecord,
  result: Result | undefined,
): Omit<InspectedNetwork, "peers"> {
  const told = result && containerAddresses(result, attachment.ifName);
  return {
    ...networkJson(attachment),
    gateways: told?.gateways ?? [],
    routes: (told?.routes ?? []).map(({ dst, gw }) => ({ dst, gateway: gw ?? null })),
    dns: told?.dns ?? {},
    plugins: parseNetworkList(attachment.list).plugins.map(({ type }) => type),
    interfaces: result?.interfaces ?? [],
  };
}
