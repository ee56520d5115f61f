import { CniError } from "../cni/index.ts";
import { UserError } from "../lib/errors.ts";
import { netnsName } from "../netns/netns.ts";
import { attachAll, checkAll, isAsked } from "./attach.ts";
import type { SandboxContext } from "./context.ts";
import type { Lock } from "../state/lock.ts";
import { withAddLock } from "./host-lock.ts";
import { assess, type Facts } from "../state/assess.ts";
import type { SandboxRecord } from "../state/record.ts";

/** Makes the sandbox's folder and locks it. Throws BUSY when another operation holds it for too long. */
export async function lockSandbox(context: SandboxContext, id: string): Promise<Lock> {
  const deadline = Date.now() + context.lockTimeoutMs;
  do {
    context.store.prepare(id);
    const left = Math.max(0, deadline - Date.now());
    const lock = await context.locker.lock(context.store.pathOf(id), "exclusive", left);
    if (lock !== undefined) return lock;
  } while (Date.now() < deadline);
  throw new UserError(
    "BUSY",
    `another operation on the network of ${id} did not end within ${context.lockTimeoutMs / 1000} s`,
    { hint: "see what hangs with: ps -ef | grep -e docker-cni -e cni" },
  );
}

/** Of a container that is being started: it exists, and did not run. */
const AT_ITS_START: Facts = { container: "there", process: "stopped", netns: "unread" };

/**
 * What is left of the container's earlier network and worth keeping: its record, when it has addresses to come back to.
 * Remains of a start that failed, of a removal, or of a stop that does not keep are undone first. `containerDir` is the
 * engine's folder of the container.
 */
export async function findKeptSandbox(
  context: SandboxContext,
  id: string,
  containerDir?: string,
): Promise<SandboxRecord | undefined> {
  const record = await readOrRecover(context, id, containerDir);
  if (record === undefined) return undefined;
  if (record.state !== "attached") {
    const { killOrphans } = await import("./release.ts");
    await killOrphans(context, record);
  }
  if (record.changing ?? record.unpublishing) {
    const { settleChanges } = await import("./settle.ts");
    await settleChanges(context, record);
  }
  const { makingOf } = await import("../state/making.ts");
  const isUnproven = makingOf(context.store, id) !== undefined;
  if (assess(record, { isUnproven }, AT_ITS_START).life === "kept") {
    if (record.reserve !== undefined) {
      const { revive } = await import("./take-over.ts");
      await revive(context, record);
    }
    return record;
  }
  const { release } = await import("./release.ts");
  await release(context, record, { staysLocked: true });
  return undefined;
}

/** The record of `id`, recovered and written anew where it cannot be read; the caller holds the container's lock. */
export async function readOrRecover(
  context: SandboxContext,
  id: string,
  containerDir?: string,
): Promise<SandboxRecord | undefined> {
  const record = context.store.read(id);
  if (record !== undefined && record !== "unreadable") return record;
  const isForgotten =
    record === undefined &&
    (!context.netns.exists(netnsName(id)) ||
      context.cni.cachedAttachments(id, { incomplete: true }).length === 0);
  if (isForgotten) return undefined;
  const { recoverWritten } = await import("./recover.ts");
  return recoverWritten(context, id, containerDir);
}

/**
 * Attaches a new sandbox in its namespace. Where that fails while there are networks of containers that are gone, these
 * are released and it is tried once more: what it lacked may be what they held.
 */
export async function attachNew(context: SandboxContext, record: SandboxRecord): Promise<void> {
  // A namespace ends with a power cut; what plugins make may not.
  context.store.makeDurable(record.id);
  if (record.attachments.some(isAsked)) {
    const { settleLost } = await import("./hand-over.ts");
    await settleLost(context, record);
  }
  const asked = record.attachments.map(({ addresses }) => addresses);
  const changedAt = context.store.changedAt();
  try {
    await attach(context, record);
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    const { attachAgain } = await import("./attach-again.ts");
    await attachAgain(context, record, { error, changedAt, asked });
  }
  context.store.markUnreserved(record.id, false);
}

/** Runs ADD for a new sandbox. What it is given and is kept for another goes back before others may be alone. */
export async function attach(context: SandboxContext, record: SandboxRecord): Promise<void> {
  const asked = record.attachments.map(({ addresses }) => addresses);
  const first = await withAddLock(context, record.attachments, async () => {
    await attachAll(context, record);
    const { store, bootId } = context;
    if (store.notedBoot() === bootId && store.listUnreserved().length === 0) return undefined;
    const { giveBack } = await import("./unreserved.ts");
    return giveBack(context, record, asked);
  });
  if (first === undefined) return;
  const { attachElsewhere } = await import("./unreserved.ts");
  await attachElsewhere(context, record, { first, asked });
}

/** Checks a kept sandbox's attachments, and builds them again as they were when the check fails. */
export async function checkOrReattach(
  context: SandboxContext,
  record: SandboxRecord,
): Promise<void> {
  try {
    await checkAll(context, record);
  } catch (error) {
    if (isCheckUnsupported(error)) return;
    const { reattachFaulty } = await import("./rebuild.ts");
    await reattachFaulty(context, record, error);
  }
}

/** A network of a version before CHECK existed is taken as it is. */
export function isCheckUnsupported(error: unknown): boolean {
  return error instanceof CniError && error.kind === "unsupported";
}
