import { Command } from "commander";
import { containerAddresses, type Dns, parseNetworkList, type Result } from "../cni/index.ts";
import { netnsPath } from "../netns/netns.ts";
import type { Seen } from "../netns/show.ts";
import type { SandboxContext } from "../sandbox/context.ts";
import { ignoredLabels } from "../sandbox/ignored-labels.ts";
import type { AttachmentRecord, SandboxRecord } from "../state/record.ts";
import { type SandboxView, viewSandboxes } from "../sandbox/view.ts";
import type { OperatorCall } from "./cli.ts";
import { pickIfThere } from "./find.ts";
import { describeContainer, describeUnattached } from "./inspect-text.ts";
import { asJson, networkJson } from "./ls.ts";
import { findUnattached } from "./unattached.ts";

/** `inspect`: all that is known of a container's network, and what its namespace holds at this moment. */
export function inspectCommand(call: OperatorCall): Command {
  const { sandbox, config, print } = call;
  return new Command("inspect")
    .argument("<container>", "its name, or its id or the beginning of it")
    .option("--json", "print an object, see docs/commands.md")
    .action(async (container: string, { json }: { json?: boolean }) => {
      const views = await viewSandboxes(sandbox);
      const view = pickIfThere(views, container);
      if (view === undefined) {
        const unattached = await findUnattached(call, views, container);
        print(...(json ? [JSON.stringify(unattached, null, 2)] : describeUnattached(unattached)));
        return;
      }
      const unknown = config.imageLabels === "allow" ? "use" : "ignore";
      const notes = ignoredLabels(sandbox.store, view.record, unknown);
      const inspected = await inspectSandbox(sandbox, view, notes);
      print(...(json ? [JSON.stringify(inspected, null, 2)] : describeContainer(inspected)));
    });
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
}

/** A container as `inspect --json` prints it. What is in `record` and `results` may change with every version. */
export interface Inspected extends Omit<ReturnType<typeof asJson>, "networks"> {
  networks: InspectedNetwork[];
  namespace: { path: string; alive: boolean } & Seen;
  record: SandboxRecord & { path: string };
  /** By interface: the cached result of the last ADD; null when there is none. */
  results: Record<string, unknown>;
  /** What of its request is not counted. */
  notes: string[];
}

/** Reads all that is known of a sandbox; a namespace that ends meanwhile holds nothing. */
export async function inspectSandbox(
  { cni, netns, store }: SandboxContext,
  view: SandboxView,
  notes: string[] = [],
): Promise<Inspected> {
  const { id, record } = view;
  const results = record.attachments.map(({ list, ifName }) =>
    cni.cachedResult(parseNetworkList(list), { containerId: id, ifName }),
  );
  const seen = netns.isAlive(record.netns)
    ? await netns.show(record.netns).catch((error: unknown) => {
        if (netns.isAlive(record.netns)) throw error;
      })
    : undefined;
  const alive = seen !== undefined;
  return {
    ...asJson(view),
    networks: record.attachments.map((each, place) => inspectNetwork(each, results[place])),
    namespace: { path: netnsPath(record.netns), alive, interfaces: [], routes: [], ...seen },
    record: { ...record, path: `${store.pathOf(id)}/record.json` },
    results: Object.fromEntries(
      record.attachments.map(({ ifName }, place) => [ifName, results[place] ?? null]),
    ),
    notes,
  };
}

function inspectNetwork(
  attachment: AttachmentRecord,
  result: Result | undefined,
): InspectedNetwork {
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
