import { parseNetworkList } from "../cni/index.ts";
import type { SandboxContext } from "./context.ts";
import { withSharedHostLock } from "./host-lock.ts";
import type { AttachmentRecord, SandboxRecord } from "../state/record.ts";
import { transition } from "../state/transitions.ts";
import { canPublish } from "./port-changes.ts";
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

/**
 * Gives the attachments of `record` that are asked for as in `before` the addresses and the MAC that they had. What the operator
 * connected and disconnected since stays so, and what is not undone yet stays to be undone.
 */
export function carryOver(before: SandboxRecord, record: SandboxRecord): void {
  const { createdAt, changing, disconnected = [], published, unpublished } = before;
  record.createdAt = createdAt;
  if (changing !== undefined) record.changing = changing;
  if (disconnected.length > 0) record.disconnected = disconnected;
  if (published !== undefined) record.published = published;
  if (unpublished !== undefined) record.unpublished = unpublished;
  for (const attachment of record.attachments) {
    const same = before.attachments.find((other) => requestOf(other) === requestOf(attachment));
    if (same === undefined) continue;
    attachment.addresses = same.addresses;
    if (same.mac !== undefined) attachment.mac = same.mac;
  }
  const asked = record.attachments.filter(({ network }) => !disconnected.includes(network));
  for (const attachment of asked) {
    if (published === undefined || !canPublish(attachment)) continue;
    attachment.capabilityArgs = { ...attachment.capabilityArgs, portMappings: published };
  }
  record.attachments = [...asked, ...connectedBeside(before, asked)];
}

/** Those that were connected to networks which are not asked for by themselves; an interface that another has now gets the next name. */
function connectedBeside(
  before: SandboxRecord,
  asked: readonly AttachmentRecord[],
): AttachmentRecord[] {
  const names = new Set(asked.map(({ ifName }) => ifName));
  return before.attachments.flatMap((each) => {
    const isAsked = asked.some(({ network }) => network === each.network);
    if (each.connected !== true || isAsked) return [];
    let { ifName } = each;
    for (let number = 0; names.has(ifName); number++) ifName = `eth${number}`;
    names.add(ifName);
    return [{ ...each, ifName }];
  });
}

/** What says which addresses and which MAC an attachment is to have. */
export function requestOf({
  network,
  ifName,
  list,
  cniArgs,
  capabilityArgs,
}: AttachmentRecord): string {
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
