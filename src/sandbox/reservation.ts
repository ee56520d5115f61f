import { UserError } from "../lib/errors.ts";
import { dropStaleClaims, listClaims, markReserved, writeClaim } from "../state/claims.ts";
import { assessNow } from "../state/facts.ts";
import { publishedPorts, type SandboxRecord } from "../state/record.ts";
import { transition } from "../state/transitions.ts";
import type { SandboxContext } from "./context.ts";
import { nameOfNow } from "./current-name.ts";
import { noteHosts } from "./hosts.ts";
import { releaseOrLog } from "./published.ts";
import { logEvent } from "./network-event.ts";
import { killOrphans } from "./release.ts";
import { settleChanges } from "./settle.ts";
import { settleSuccessor } from "./take-over.ts";

/**
 * Claims `name` for the network of the container `id`, whose lock is held: until that is removed, nobody else can have it. Gives the
 * sandbox that is reserved for it, where there is one, with this container as its successor. Throws IN_USE, naming the holder, where
 * another container has the name. Writes nothing where the store is only looked at.
 */
export async function claimName(
  context: SandboxContext,
  id: string,
  name: string,
): Promise<SandboxRecord | undefined> {
  const { store, locker, lockTimeoutMs, log } = context;
  if (store.isReadOnly) return findReserved(context, id, name);
  const lock = await locker.lock(store.sharedDir("reserved"), "exclusive", lockTimeoutMs);
  if (lock === undefined) throw busy(name);
  try {
    await dropUnheld(context, id, name);
    findReserved(context, id, name);
    writeClaim(store, { name, id });
  } finally {
    lock.release();
  }
  for (;;) {
    const found = findReserved(context, id, name);
    const taken = found && (await takeFor(context, id, found.id));
    if (found === undefined || taken !== undefined) return taken;
    log.debug({ container: id, step: "reserve" }, `${name} is not what it was a moment ago`);
  }
}

/**
 * Writes down that the network of a container that is gone waits for the next one of its name: its ports are anybody's, and all else
 * stays. The caller holds the sandbox's lock.
 */
export async function reserve(
  context: SandboxContext,
  record: SandboxRecord,
  successor?: string,
): Promise<void> {
  const { store } = context;
  const isNew = record.state !== "reserved";
  if (isNew) {
    await killOrphans(context, record);
    await settleChanges(context, record);
    if (record.state === "creating") record.unfinished = true;
  }
  delete record.predecessor;
  if (successor !== undefined) record.successor = successor;
  if (store.stoppedAt(record.id) === undefined) store.markStopped(record.id);
  transition(store, record, "reserving");
  if (successor === undefined && record.ports !== "released" && publishedPorts(record).length > 0) {
    await releaseOrLog(context, record);
  }
  if (assessNow(context, record).marks.reservation?.forMs === undefined) {
    markReserved(store, record.id, true);
  }
  noteHosts(context, record);
  if (isNew) logEvent(context, record, "reserve", `reserved for ${record.reserve ?? ""}`);
}

/** The sandbox that is reserved for `name`; throws IN_USE where a container other than `id` has the name. */
function findReserved(
  context: SandboxContext,
  id: string,
  name: string,
): SandboxRecord | undefined {
  let found: SandboxRecord | undefined;
  for (const other of holdersOf(context, name)) {
    if (other === id) continue;
    const record = context.store.read(other);
    if (record === undefined) {
      // Its start has claimed the name, and is yet to write its record.
      if (context.store.list().includes(other)) throw held(name, other, "is being started");
      continue;
    }
    if (record === "unreadable") throw held(name, other, "has a record that cannot be read");
    if (record.reserve !== name) continue;
    const { life } = assessNow(context, record);
    if (life === "reserved") found = record;
    else if (life === "running" || life === "starting") throw held(name, record, "is running");
    else if (life === "kept") throw held(name, record, "is stopped, and keeps its network");
    else if (life === "unknown") throw held(name, record, "may still exist");
  }
  return found;
}

/** The containers that have claimed `name`, the last one too. */
export function holdersOf({ store }: Pick<SandboxContext, "store">, name: string): string[] {
  return listClaims(store).flatMap((claim) => (claim.name === name ? [claim.id] : []));
}

/** What a start that was killed has claimed before it wrote anything else; nobody is at it. */
async function dropUnheld(
  { store, locker }: SandboxContext,
  id: string,
  name: string,
): Promise<void> {
  for (const other of holdersOf({ store }, name)) {
    if (other === id || store.read(other) !== undefined) continue;
    const free = await locker.lock(store.pathOf(other), "exclusive", 0);
    if (free !== undefined && store.read(other) === undefined) store.remove(other);
    free?.release();
  }
  dropStaleClaims(store);
}

/** Makes `id` the successor of the reserved sandbox; undefined where that is no longer reserved. */
async function takeFor(
  context: SandboxContext,
  id: string,
  reserved: string,
): Promise<SandboxRecord | undefined> {
  const { store, locker, lockTimeoutMs } = context;
  const lock = await locker.lock(store.pathOf(reserved), "exclusive", lockTimeoutMs);
  if (lock === undefined) {
    if (store.list().includes(reserved)) throw busy(reserved);
    return undefined;
  }
  try {
    const record = store.read(reserved);
    if (typeof record !== "object" || assessNow(context, record).life !== "reserved") {
      return undefined;
    }
    if (record.successor !== undefined && record.successor !== id) {
      const settled = await settleSuccessor(context, record);
      if (settled === "busy")
        throw held(record.reserve ?? "", record.successor, "is being started");
      if (settled !== "free") return undefined;
    }
    await reserve(context, record, id);
    return record;
  } finally {
    lock.release();
  }
}

function held(name: string, holder: SandboxRecord | string, does: string): UserError {
  const id = typeof holder === "string" ? holder : holder.id;
  const called = typeof holder === "string" ? undefined : nameOfNow(holder);
  const shown = id.slice(0, 12);
  return new UserError(
    "IN_USE",
    `the name ${name} is reserved by container ${called === undefined ? shown : `${called} (${shown})`}, which ${does}`,
    {
      hint: `remove that container first (docker rm -f ${called ?? shown}), or give this one another name: --label cni.reserve=NAME`,
    },
  );
}

function busy(what: string): UserError {
  return new UserError("BUSY", `another operation on the reservation ${what} does not end`, {
    hint: "see what hangs with: ps -ef | grep -e docker-cni -e cni",
  });
}
