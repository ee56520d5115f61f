import { parseNetworkList } from "../cni/index.ts";
import type { SandboxContext } from "./context.ts";
import { withSharedHostLock } from "./host-lock.ts";
import type { AttachmentRecord, SandboxRecord } from "../state/record.ts";
import { transition } from "../state/transitions.ts";
import { detach } from "./release.ts";

/**
 * Undoes a kept network that was asked for otherwise since; its addresses are kept for the container meanwhile. Until the record
 * of what takes its place is written, a crash leaves this one, to be undone again.
 */
export async function undoForEdit(context: SandboxContext, record: SandboxRecord): Promise<void> {
  const message = "its labels were edited: the network is built anew";
  context.log.info({ container: record.id, step: "edit" }, message);
  transition(context.store, record, "rebuilding");
  context.store.markUnreserved(record.id, true);
  await withSharedHostLock(context, () => detach(context, record));
  await context.netns.remove(record.netns);
}

/** Gives the attachments of `record` that are asked for as in `before` the addresses and the MAC that they had. */
export function carryOver(before: SandboxRecord, record: SandboxRecord): void {
  record.createdAt = before.createdAt;
  for (const attachment of record.attachments) {
    const same = before.attachments.find((other) => requestOf(other) === requestOf(attachment));
    if (same === undefined) continue;
    attachment.addresses = same.addresses;
    if (same.mac !== undefined) attachment.mac = same.mac;
  }
}

/** What says which addresses and which MAC an attachment is to have. */
function requestOf({ network, ifName, list, cniArgs, capabilityArgs }: AttachmentRecord): string {
  const pairs = cniArgs.filter(([key]) => key === "IP" || key === "MAC");
  const args = parseNetworkList(list).plugins.map((plugin) => plugin["args"]);
  return JSON.stringify([
    network,
    ifName,
    pairs,
    capabilityArgs["ips"],
    capabilityArgs["mac"],
    args,
  ]);
}
