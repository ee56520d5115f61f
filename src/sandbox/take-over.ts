import { knownCniId, markReserved } from "../state/claims.ts";
import { cniIdOf, type SandboxRecord } from "../state/record.ts";
import { transition } from "../state/transitions.ts";
import type { SandboxContext } from "./context.ts";
import { logEvent } from "./network-event.ts";
import { release } from "./release.ts";

/**
 * Hands a reserved sandbox to the container that `record` is of, whose lock is held and who is its successor: that is written first,
 * and then nothing is left of the other one but what the record has of it. Where another network is asked for than the reserved
 * one, that is undone.
 */
export async function takeOver(context: SandboxContext, record: SandboxRecord): Promise<void> {
  const { store } = context;
  const { predecessor = "" } = record;
  const isElsewhere = store.listUnreserved().includes(predecessor) || isUndone(record, predecessor);
  if (isElsewhere) store.markUnreserved(record.id, true);
  store.write(record);
  await finishTakeOver(context, record);
  logEvent(context, record, "adopt", `has what was reserved for ${record.reserve ?? ""}`);
}

/** Finishes that, for who holds the lock of the successor. */
export async function finishTakeOver(
  context: SandboxContext,
  record: SandboxRecord,
): Promise<void> {
  const { store, locker, lockTimeoutMs } = context;
  const { predecessor } = record;
  if (predecessor === undefined) return;
  // Its container is gone: who has its lock waits for nobody.
  const lock = await locker.lock(store.pathOf(predecessor), "exclusive", lockTimeoutMs);
  try {
    const left = store.read(predecessor);
    const isLeft = typeof left === "object" ? left.successor === record.id : left !== undefined;
    if (isLeft) await drop(context, predecessor, record);
  } finally {
    lock?.release();
  }
  delete record.predecessor;
}

/**
 * Finds out what became of the successor of a reserved sandbox whose lock is held. `busy`: it is at work. `gone`: it has the network,
 * or has made another one, and nothing is left here. `free`: it came to nothing, and any container of the name may have it.
 */
export async function settleSuccessor(
  context: SandboxContext,
  record: SandboxRecord,
): Promise<"busy" | "gone" | "free"> {
  const { store, locker } = context;
  const { successor } = record;
  if (successor === undefined) return "free";
  const lock = await locker.lock(store.pathOf(successor), "exclusive", 0);
  if (lock === undefined && store.list().includes(successor)) return "busy";
  try {
    const next = store.read(successor);
    if (next === "unreadable" || next?.predecessor === record.id) {
      await drop(context, record.id, next === "unreadable" ? undefined : next);
      return "gone";
    }
    delete record.successor;
    store.write(record);
    return "free";
  } finally {
    lock?.release();
  }
}

/** Gives a sandbox back to its own container, which has begun again, and finishes what a start of it was killed at. */
export async function revive(context: SandboxContext, record: SandboxRecord): Promise<void> {
  await finishTakeOver(context, record);
  if (record.state !== "reserved") return;
  const { unfinished } = record;
  delete record.unfinished;
  delete record.successor;
  transition(context.store, record, unfinished ? "adoptingUnfinished" : "adopting");
  markReserved(context.store, record.id, false);
}

/** Forgets the reserved sandbox; its network goes with it where its successor has one of its own. */
async function drop(
  context: SandboxContext,
  id: string,
  successor: SandboxRecord | undefined,
): Promise<void> {
  const left = context.store.read(id);
  const cniId = typeof left === "object" ? cniIdOf(left) : knownCniId(context.store, id);
  const isSame = successor === undefined || cniIdOf(successor) === cniId;
  if (isSame || typeof left !== "object") context.store.remove(id);
  else await release(context, left);
}

/** Whether the network of a predecessor is undone, and its addresses are asked for again. */
function isUndone({ cniId }: SandboxRecord, predecessor: string): boolean {
  return predecessor !== "" && cniId === undefined;
}
