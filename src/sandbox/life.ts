import { CniError } from "../cni/index.ts";
import { UserError } from "../errors.ts";
import { netnsName } from "../netns/netns.ts";
import { attachAll, checkAll } from "./attach.ts";
import type { SandboxContext } from "./context.ts";
import { endLeftovers, sweep } from "./gc.ts";
import type { Lock } from "./lock.ts";
import { alone, besideOthers, whileAdding } from "./operation.ts";
import { wasEstablished } from "./over.ts";
import type { SandboxRecord } from "./record.ts";
import { recover } from "./recover.ts";
import { detach, release, transition } from "./release.ts";
import { keptForOther, takenFrom } from "./unheld.ts";

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

/**
 * What is left of the container's earlier network and worth keeping: its record, when it has addresses to come back to.
 * Remains of a start that failed, of a removal, or of a stop that does not keep are undone first. `containerDir` is the
 * engine's folder of the container.
 */
export async function recall(
  context: SandboxContext,
  id: string,
  containerDir?: string,
): Promise<SandboxRecord | undefined> {
  const record = await readOrRecover(context, id, containerDir);
  if (record === undefined) return undefined;
  await endLeftovers(context, record);
  if (record.keep && record.state !== "removing" && wasEstablished(record)) return record;
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
  const recovered = await recover(context, id, containerDir);
  context.log.warn({ container: id, step: "recall" }, "its record is unreadable and was recovered");
  context.store.write(recovered);
  return recovered;
}

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
  transition(context, record, "creating");
  context.store.markUnheld(record.id, true);
  await besideOthers(context, () => detach(context, record));
  await context.netns.remove(record.netns);
}

/**
 * Gives a kept sandbox a fresh namespace, for a container that may have changed the old one; its addresses are asked for again
 * by `reattach`. What a plugin cannot undo in what the container made of the old namespace ends with that.
 */
export async function freshNetns(context: SandboxContext, record: SandboxRecord): Promise<void> {
  transition(context, record, "creating");
  context.store.markUnheld(record.id, true);
  await besideOthers(context, () => detach(context, record)).catch((error: unknown) => {
    context.log.warn({ container: record.id, step: "fresh netns", err: error }, "DEL failed");
  });
  await context.netns.remove(record.netns);
  await context.netns.add(record.netns);
}

/** Whether the sandbox's namespace is still the one that its attachments were made in. */
export function isIntact(context: SandboxContext, record: SandboxRecord): boolean {
  return (
    record.state === "attached" &&
    record.bootId === context.bootId &&
    context.netns.isAlive(record.netns)
  );
}

/**
 * Attaches a new sandbox in its namespace. Where that fails while there are networks of containers that are gone, these
 * are released and it is tried once more: what it lacked may be what they held.
 */
export async function attachNew(context: SandboxContext, record: SandboxRecord): Promise<void> {
  // A namespace ends with a power cut; what plugins make may not.
  context.store.makeDurable(record.id);
  const asked = record.attachments.map(({ addresses }) => addresses);
  const changedAt = context.store.changedAt();
  const attach = (): Promise<void> =>
    whileAdding(context, record.attachments, () => attachAll(context, record));
  const undo = async (): Promise<void> => {
    await besideOthers(context, () => detach(context, record));
    for (const [place, attachment] of record.attachments.entries()) {
      attachment.addresses = asked[place] ?? [];
    }
  };
  try {
    await attach();
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    if (!(await makesRoom(context, record, { error, changedAt }))) throw error;
    await undo().catch((fault: unknown) => {
      context.log.error({ container: record.id, step: "undo", err: fault }, "DEL after ADD failed");
      throw error;
    });
    await attach();
  }
  for (let tries = 0; ; tries++) {
    const taken = takenFrom(context, record);
    if (taken === undefined) break;
    if (tries === OTHER_ADDRESS_TRIES) throw keptForOther(taken);
    await undo();
    await attach();
  }
  context.store.markUnheld(record.id, false);
}

/** How often a network is asked for another address than one that is kept for somebody. */
const OTHER_ADDRESS_TRIES = 3;

/**
 * Attaches a kept sandbox as it was: with the same addresses, after whatever is left of the attachments is removed. No
 * other container can be given them in between. Where the network will not give them again it is asked for others.
 */
export async function reattach(context: SandboxContext, record: SandboxRecord): Promise<void> {
  transition(context, record, "creating");
  await context.netns.loopbackUp(record.netns);
  const rebuild = (options?: { mayDiffer: boolean }): Promise<void> =>
    alone(context, async () => {
      await detach(context, record).catch((error: unknown) => {
        context.log.warn(
          { container: record.id, step: "reattach", err: error },
          "DEL before ADD failed",
        );
      });
      await attachAll(context, record, options);
      const taken = takenFrom(context, record);
      if (taken !== undefined) throw keptForOther(taken);
      context.firstUse.note(record.attachments);
      context.store.markUnheld(record.id, false);
    });
  context.store.markUnheld(record.id, true);
  const changedAt = context.store.changedAt();
  try {
    await rebuild();
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    if (error.kind !== "plugin" && error.kind !== "exit") throw error;
    const hasRoom = await makesRoom(context, record, { error, changedAt });
    if (hasRoom && (await succeeds(rebuild()))) return;
    await rebuild({ mayDiffer: true });
  }
}

/** False where CNI fails: what it asked for may be asked in another form. */
async function succeeds(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof CniError) return false;
    throw error;
  }
}

/** How long an ADD that failed waits for what others are about to release, ms. */
const ROOM_WAIT_MS = 5000;

/**
 * Whether an ADD that failed may do better now: something was released, by this process or since `changedAt` by another, or
 * the fault was a lease of its own, or a bridge that an ADD which failed left without a MAC.
 */
async function makesRoom(
  context: SandboxContext,
  record: SandboxRecord,
  { error, changedAt }: { error: CniError; changedAt: number | undefined },
): Promise<boolean> {
  if (error.kind !== "plugin" && error.kind !== "exit") return false;
  const outcomes = await sweep(context, { except: record.id, waitMs: ROOM_WAIT_MS });
  const hasRoom =
    outcomes.some(({ outcome }) => outcome === "released") ||
    context.store.changedAt() !== changedAt ||
    /duplicate allocation|could not set bridge's mac/.test(error.msg);
  if (!hasRoom) return false;
  context.log.warn({ container: record.id, step: "add", err: error }, "tried once more");
  return true;
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
    context.log.warn({ container: record.id, step: "check", err: error }, "the network is rebuilt");
    await reattach(context, record);
    transition(context, record, "attached");
  }
}

/** A network of a version before CHECK existed is taken as it is. */
export function isCheckUnsupported(error: unknown): boolean {
  return error instanceof CniError && error.kind === "unsupported";
}
