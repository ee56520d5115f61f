import { CniError, containerAddresses, parseNetworkList } from "../cni/index.ts";
import { UserError } from "../lib/errors.ts";
import { netnsPath } from "../netns/netns.ts";
import { detachAll } from "./attach.ts";
import type { SandboxContext } from "./context.ts";
import { logEvent } from "./network-event.ts";
import { noteHosts } from "./hosts.ts";
import { withSharedHostLock } from "./host-lock.ts";
import {
  type AttachmentRecord,
  cniIdOf,
  everyAttachment,
  type SandboxRecord,
} from "../state/record.ts";
import { transition } from "../state/transitions.ts";

/**
 * Undoes a sandbox whose lock is held: DEL in reverse order while the namespace still exists, then the namespace, then
 * the record. When a DEL fails the rest stays, so that a later call can finish; the error is thrown. Who knew its names is
 * told by whoever is at the hosts files next. With `staysLocked` the folder stays: a lock on
 * one that is gone keeps nobody out. `signal` ends the waiting for plugins, and with it the removal for now.
 */
export async function release(
  context: SandboxContext,
  record: SandboxRecord,
  { staysLocked = false, signal }: { staysLocked?: boolean; signal?: AbortSignal } = {},
): Promise<void> {
  if (record.predecessor !== undefined) {
    const { finishTakeOver } = await import("./take-over.ts");
    await finishTakeOver(context, record);
  }
  const hasNothing = hadNoAdd(context, record);
  noteRemoval(context, record);
  noteHosts(context, record);
  const all = { ...record, attachments: everyAttachment(record) };
  try {
    await withSharedHostLock(context, () => detach(context, all, signal));
  } finally {
    // The kernel frees what a plugin began: nothing needs the namespace to be found.
    if (hasNothing) await context.netns.remove(record.netns);
  }
  await context.netns.remove(record.netns);
  if (staysLocked) context.store.clear(record.id);
  else context.store.remove(record.id);
  if (!hasNothing) logEvent(context, record, "detach", "released");
}

/** Ends what a killed operation left at work on the sandbox; the caller holds its lock. */
export async function killOrphans(context: SandboxContext, record: SandboxRecord): Promise<void> {
  if (record.state !== "attached" || record.changing)
    await context.orphans.end(netnsPath(record.netns), record);
}

/** Whether no plugin ever succeeded for it: then it holds no address and no port, whatever its DEL says. */
export function hadNoAdd(
  { cni }: SandboxContext,
  { id, cniId = id, state, attachments }: SandboxRecord,
): boolean {
  if (
    state === "attached" ||
    state === "reserved" ||
    attachments.some(({ addresses }) => addresses.length > 0)
  )
    return false;
  return cni.cachedAttachments(cniId, { incomplete: true }).length === 0;
}

/**
 * Runs DEL on all attachments of a sandbox, in a namespace where the plugins find what they have to undo. The caller
 * holds the container's lock, and works beside others or alone.
 */
export async function detach(
  context: SandboxContext,
  record: SandboxRecord,
  signal?: AbortSignal,
): Promise<void> {
  // A file on which no namespace is mounted is none to a plugin, and yet not nothing.
  if (!context.netns.isAlive(record.netns)) await context.netns.remove(record.netns);
  const stoodIn = await standIn(context, record);
  try {
    await detachAll(context, record, signal);
  } catch (error) {
    if (stoodIn.length === 0 && !isRuleMissing(error)) throw error;
    // The rules may have been lost with the interface, and a plugin that misses them fails where it has one. It may be a
    // stand-in that a crash left behind, too.
    const masquerading = record.attachments.filter(masquerades).map(({ ifName }) => ifName);
    for (const ifName of isRuleMissing(error) ? masquerading : stoodIn) {
      await context.netns.removeLink(record.netns, ifName);
    }
    await detachAll(context, record, signal);
  }
}

/** A disk that is full must not stand in the way of removing: a crash leaves what was there to be seen as over again. */
function noteRemoval(context: SandboxContext, record: SandboxRecord): void {
  try {
    transition(context.store, record, "removing");
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    context.log.warn({ container: record.id, step: "release", err: error }, "could not be noted");
  }
}

/**
 * Plugins that masquerade look at the interface for the addresses whose rules they delete. Where it is gone, with its
 * namespace or alone, another one takes its place until DEL. Returns their names, of those too that are not whole.
 */
async function standIn(context: SandboxContext, record: SandboxRecord): Promise<string[]> {
  const stoodIn: string[] = [];
  await addStandIns(context, record, stoodIn).catch((error: unknown) => {
    context.log.warn(
      { container: record.id, step: "stand-in", err: error },
      "rules of a lost interface may stay behind",
    );
  });
  return stoodIn;
}

/** Notes the name of each before there is anything of it. */
async function addStandIns(
  context: SandboxContext,
  record: SandboxRecord,
  stoodIn: string[],
): Promise<void> {
  for (const attachment of record.attachments) {
    if (!masquerades(attachment)) continue;
    const addresses = knownAddresses(context, record, attachment);
    if (addresses.length === 0) continue;
    if (!context.netns.isAlive(record.netns)) await context.netns.add(record.netns);
    if (await context.netns.hasLink(record.netns, attachment.ifName)) continue;
    stoodIn.push(attachment.ifName);
    await context.netns.addStandIn(record.netns, attachment.ifName, addresses);
  }
}

/** The words of iptables for a chain that is gone, in both of its forms. */
function isRuleMissing(error: unknown): boolean {
  return error instanceof CniError && /Chain '.*' does not exist|No chain\/target/.test(error.msg);
}

function masquerades({ list }: AttachmentRecord): boolean {
  return parseNetworkList(list).plugins.some((plugin) => plugin["ipMasq"] === true);
}

function knownAddresses(
  context: SandboxContext,
  record: SandboxRecord,
  { addresses, list, ifName }: AttachmentRecord,
): string[] {
  if (addresses.length > 0) return addresses;
  const ref = { containerId: cniIdOf(record), ifName };
  const result = context.cni.cachedResult(parseNetworkList(list), ref, { incomplete: true });
  return result === undefined ? [] : containerAddresses(result, ifName).ips;
}
