import { type AttachmentRef, CniError, parseNetworkList, type NetworkList } from "../cni/index.ts";
import type { SandboxContext } from "./context.ts";
import { withExclusiveHostLock } from "./host-lock.ts";
import { knownCniId } from "../state/claims.ts";
import { type AttachmentRecord, cniIdOf, everyAttachment } from "../state/record.ts";

export interface NetworkGcOutcome {
  network: string;
  outcome: "collected" | "failed";
  reason?: string;
}

/**
 * Runs CNI GC on every network that is configured or in use, telling the plugins which attachments are valid: those of all
 * sandboxes, also those of `others`. On a network that other runtimes use too, theirs are collected: the operator has to have asked for it.
 */
export async function collectNetworks(
  context: SandboxContext,
  others: readonly SandboxContext[] = [],
): Promise<NetworkGcOutcome[]> {
  const outcomes: NetworkGcOutcome[] = [];
  await withExclusiveHostLock(context, async () => {
    const attached = [context, ...others].flatMap(attachments);
    for (const list of await allNetworks(context, attached)) {
      const validAttachments = attached
        .filter(({ network }) => network === list.name)
        .map(({ containerId, ifName }) => ({ containerId, ifName }));
      outcomes.push(await collectNetwork(context, list, validAttachments));
    }
  });
  return outcomes;
}

async function collectNetwork(
  context: SandboxContext,
  list: NetworkList,
  validAttachments: AttachmentRef[],
): Promise<NetworkGcOutcome> {
  try {
    await context.cni.gcNetworkList(list, { validAttachments });
    return { network: list.name, outcome: "collected" };
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    return { network: list.name, outcome: "failed", reason: error.message };
  }
}

interface Attached extends AttachmentRecord {
  containerId: string;
}

/** Those of unreadable records are in the cache; nothing that may be valid is left out. */
function attachments({ store, cni }: SandboxContext): Attached[] {
  return store.list().flatMap((id): Attached[] => {
    const record = store.read(id);
    const containerId = typeof record === "object" ? cniIdOf(record) : knownCniId(store, id);
    if (record !== undefined && record !== "unreadable") {
      return everyAttachment(record).map((attachment) =>
        Object.assign({ containerId }, attachment),
      );
    }
    return cni
      .cachedAttachments(containerId, { incomplete: true })
      .map(({ network, ifName, config }) => ({
        containerId,
        network,
        ifName,
        list: config,
        cniArgs: [],
        capabilityArgs: {},
        addresses: [],
      }));
  });
}

async function allNetworks(
  context: SandboxContext,
  attached: readonly Attached[],
): Promise<NetworkList[]> {
  const lists = new Map<string, NetworkList>();
  for (const { network, list } of [...(await context.configured()), ...attached]) {
    if (!lists.has(network)) lists.set(network, parseNetworkList(list));
  }
  return [...lists.values()];
}
