import {
  type CachedAttachment,
  CniError,
  containerAddresses,
  loadAllNetworkLists,
  parseNetworkList,
} from "../cni/index.ts";
import { netnsName } from "../netns/netns.ts";
import type { SandboxContext } from "./context.ts";
import { claimedName, knownCniId } from "../state/claims.ts";
import { runsNow } from "../state/facts.ts";
import { type AttachmentRecord, publishedPorts, type SandboxRecord } from "../state/record.ts";

/**
 * The record of a sandbox whose own cannot be read (cut off, or written by a newer program), from what else tells of it:
 * the links beside it and the results of its ADDs. With no result its state is `creating`, and its attachments those of
 * every network that is configured: DEL is harmless where there was no ADD. `knownDir` is the engine's folder of the
 * container where a caller knows it.
 */
export async function recover(
  context: SandboxContext,
  id: string,
  knownDir?: string,
): Promise<SandboxRecord> {
  const { containerDir = knownDir, runtimeDir = "" } = context.store.links(id);
  const cniId = knownCniId(context.store, id);
  const netns = netnsName(cniId);
  const cached = context.cni.cachedAttachments(cniId, { incomplete: true });
  const attachments = cached.flatMap((each) => recallAttachment(context, each));
  const isAttached = attachments.length > 0 && cached.every(({ incomplete }) => !incomplete);
  const reserve = claimedName(context.store, id);
  const record: SandboxRecord = {
    version: 1,
    id,
    state: isAttached ? "attached" : "creating",
    netns,
    // A namespace does not outlive a boot.
    bootId: context.netns.isAlive(netns) ? context.bootId : "",
    createdAt: new Date().toISOString(),
    keep: containerDir !== undefined,
    ...(containerDir !== undefined && { containerDir }),
    runtimeDir,
    ...(cniId !== id && { cniId }),
    ...(reserve !== undefined && { reserve }),
    attachments: attachments.length > 0 ? attachments : await context.configured(),
  };
  // Another may have been given the ports meanwhile.
  return runsNow(context.store, record) || publishedPorts(record).length === 0
    ? record
    : { ...record, ports: "releasing" };
}

/** Recovers a record and writes it anew; the caller holds the container's lock. */
export async function recoverWritten(
  context: SandboxContext,
  id: string,
  knownDir?: string,
): Promise<SandboxRecord> {
  const recovered = await recover(context, id, knownDir);
  context.log.warn(
    { container: id, step: "findKeptSandbox" },
    "its record is unreadable and was recovered",
  );
  context.store.write(recovered);
  return recovered;
}

/** Every network of `confDir` as it would be attached, and was not. */
export async function configuredAttachments(
  confDir: string,
  ifName: string,
): Promise<AttachmentRecord[]> {
  const { lists } = await loadAllNetworkLists(confDir);
  return lists.map(({ name, raw }) => ({
    network: name,
    ifName,
    list: raw,
    cniArgs: [["IgnoreUnknown", "1"]],
    capabilityArgs: {},
    addresses: [],
  }));
}

function recallAttachment(context: SandboxContext, cached: CachedAttachment): AttachmentRecord[] {
  const { network, containerId, ifName, config, cniArgs, capabilityArgs } = cached;
  try {
    const list = parseNetworkList(config);
    const result = context.cni.cachedResult(list, { containerId, ifName }, { incomplete: true });
    if (result === undefined) return [];
    const { ips, mac } = containerAddresses(result, ifName);
    return [
      {
        network,
        ifName,
        list: config,
        cniArgs: cniArgs.map(([key, value]) => [key, value]),
        capabilityArgs: { ...capabilityArgs },
        addresses: ips,
        ...(mac !== undefined && { mac }),
      },
    ];
  } catch (error) {
    if (error instanceof CniError) return [];
    throw error;
  }
}
