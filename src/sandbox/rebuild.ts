import { CniError } from "../cni/index.ts";
import { attachAll } from "./attach.ts";
import type { SandboxContext } from "./context.ts";
import { attachWhenReady, isUnavailable } from "./early.ts";
import { settleLost } from "./hand-over.ts";
import { withExclusiveHostLock, withSharedHostLock, withAddLock } from "./host-lock.ts";
import type { SandboxRecord } from "../state/record.ts";
import { transition } from "../state/transitions.ts";
import { detach } from "./release.ts";
import { mayRetryAdd } from "./retry-add.ts";
import { keptForOther, takenFrom } from "./unreserved.ts";

/**
 * Makes a kept sandbox's namespace anew where it is lost. One that is there stays, with what is left in it for DEL to
 * find.
 */
export async function replaceNetns(context: SandboxContext, record: SandboxRecord): Promise<void> {
  if (context.netns.isAlive(record.netns)) return;
  await context.netns.remove(record.netns);
  await context.netns.add(record.netns);
}

/**
 * Undoes a kept sandbox whose container gets a new namespace from its runtime; what it had is asked for again when that
 * is attached.
 */
export async function dropNetns(context: SandboxContext, record: SandboxRecord): Promise<void> {
  transition(context.store, record, "rebuilding");
  context.store.markUnreserved(record.id, true);
  await withSharedHostLock(context, () => detach(context, record));
  await context.netns.remove(record.netns);
}

/**
 * Gives a kept sandbox a fresh namespace, for a container that may have changed the old one; its addresses are asked for again
 * by `reattach`. What a plugin cannot undo in what the container made of the old namespace ends with that.
 */
export async function freshNetns(context: SandboxContext, record: SandboxRecord): Promise<void> {
  transition(context.store, record, "rebuilding");
  context.store.markUnreserved(record.id, true);
  await withSharedHostLock(context, () => detach(context, record)).catch((error: unknown) => {
    context.log.warn({ container: record.id, step: "fresh netns", err: error }, "DEL failed");
  });
  await context.netns.remove(record.netns);
  await context.netns.add(record.netns);
}

/**
 * Attaches a kept sandbox as it was: with the same addresses, after whatever is left of the attachments is removed. Many are
 * built again beside each other, as after a reboot. What another container is given of it in between is given back before that
 * one lets others be alone, and then it is had. Where the network will not give them again it is asked for others.
 */
export async function reattach(context: SandboxContext, record: SandboxRecord): Promise<void> {
  await settleLost(context, record);
  transition(context.store, record, "rebuilding");
  await context.netns.loopbackUp(record.netns);
  context.store.markUnreserved(record.id, true);
  const changedAt = context.store.changedAt();
  try {
    await withAddLock(context, record.attachments, () => rebuild(context, record));
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    if (error.kind !== "plugin" && error.kind !== "exit") throw error;
    const attach = (): Promise<void> =>
      withAddLock(context, record.attachments, () => rebuild(context, record));
    const fault = await attachWhenReady(context, record, { error, attach });
    if (fault === undefined) return;
    if (isUnavailable(fault)) throw fault;
    await mayRetryAdd(context, record, { error: fault, changedAt });
    await withExclusiveHostLock(context, () => rebuild(context, record, { mayDiffer: true }));
    context.firstUse.note(record.attachments);
  }
}

/** Attaches a sandbox again in which CHECK found `fault`; what is there afterwards as well is the plugin's own. */
export async function reattachFaulty(
  context: SandboxContext,
  record: SandboxRecord,
  fault: unknown,
): Promise<void> {
  context.log.warn({ container: record.id, step: "check", err: fault }, "the network is rebuilt");
  await reattach(context, record);
  const { noteFalseFaults } = await import("./false-faults.ts");
  await noteFalseFaults(context, record, fault);
  transition(context.store, record, "attached");
}

async function rebuild(
  context: SandboxContext,
  record: SandboxRecord,
  options: { mayDiffer?: boolean } = {},
): Promise<void> {
  await detach(context, record).catch((error: unknown) => {
    context.log.warn(
      { container: record.id, step: "reattach", err: error },
      "DEL before ADD failed",
    );
  });
  await attachAll(context, record, options);
  const taken = takenFrom(context, record);
  if (taken !== undefined) throw keptForOther(taken);
  context.store.markUnreserved(record.id, false);
}
