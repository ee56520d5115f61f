import { UserError } from "../lib/errors.ts";
import { attachAll } from "./attach.ts";
import type { SandboxContext } from "./context.ts";
import { nameOfNow } from "./current-name.ts";
import { withExclusiveHostLock } from "./host-lock.ts";
import { isOver } from "../state/assess.ts";
import { assessNow } from "../state/facts.ts";
import type { SandboxRecord } from "../state/record.ts";
import { detach } from "./release.ts";

/** An address that is another container's, which cannot hold it at the moment. */
export interface Taken {
  address: string;
  /** The other container's id. */
  id: string;
  /** The other container's name or id. */
  owner: string;
  /** The name that it is reserved for, where the other container is gone. */
  reserve?: string | undefined;
}

/**
 * While a kept network is built again its plugins do not hold its addresses, and when that fails they do not until the
 * next start; nor do they after a reboot, where their leases do not outlive one. What another container was given meanwhile is
 * looked at here: undefined when none of it is kept for anybody.
 */
export function takenFrom(context: SandboxContext, record: SandboxRecord): Taken | undefined {
  const { store } = context;
  noteEarlierBoots(context);
  for (const id of store.listUnreserved()) {
    const other = id === record.id ? undefined : store.read(id);
    if (other === undefined || other === "unreadable") continue;
    for (const { network, addresses } of record.attachments) {
      const own = other.attachments.filter((each) => each.network === network);
      const kept = new Set(own.flatMap((each) => each.addresses));
      const address = addresses.find((each) => kept.has(each));
      if (address === undefined) continue;
      const { life } = assessNow(context, other);
      if (isOver({ life })) continue;
      const reserve = life === "reserved" ? other.reserve : undefined;
      return { address, id, owner: nameOfNow(other) ?? other.id, reserve };
    }
  }
  return undefined;
}

/** Once in a boot: nobody is known to hold the addresses of the sandboxes that were made in an earlier one. */
export function noteEarlierBoots({ store, bootId }: SandboxContext): void {
  if (store.notedBoot() === bootId) return;
  for (const id of store.list()) {
    const record = store.read(id);
    if (record === undefined || record === "unreadable" || record.bootId === bootId) continue;
    store.markUnreserved(id, true);
    // It may have been built again in between.
    const later = store.read(id);
    const isHeld = typeof later === "object" && later.bootId === bootId;
    if (later === undefined || (isHeld && later.state === "attached"))
      store.markUnreserved(id, false);
  }
  store.noteBoot(bootId);
}

/** The error of a network that gives out nothing but what is kept for others. */
export function keptForOther({ address, owner, reserve }: Taken): UserError {
  if (reserve !== undefined) {
    return new UserError(
      "CNI_FAILED",
      `the network gave ${address}, which is reserved for ${reserve}`,
      { hint: `start a container of that name, or give it up: docker cni release ${reserve}` },
    );
  }
  return new UserError(
    "CNI_FAILED",
    `the network gave ${address}, which is kept for container ${owner}`,
    { hint: `start ${owner}, so that it holds its address again, or remove it` },
  );
}

/** Gives back what a new sandbox was given and is kept for another: that, or undefined. `asked` is what it had before ADD. */
export async function giveBack(
  context: SandboxContext,
  record: SandboxRecord,
  asked: readonly string[][],
): Promise<Taken | undefined> {
  const taken = takenFrom(context, record);
  if (taken === undefined) return undefined;
  await detach(context, record);
  forgetAddresses(record, asked);
  return taken;
}

/**
 * Attaches a new sandbox that had to give back `first`: alone, and after whoever is being built again has its addresses. Throws
 * CNI_FAILED where its network gives nothing but what is kept for others.
 */
export async function attachElsewhere(
  context: SandboxContext,
  record: SandboxRecord,
  { first, asked }: { first: Taken; asked: readonly string[][] },
): Promise<void> {
  const given = new Set<string>();
  for (let taken: Taken | undefined = first; taken !== undefined;) {
    const wasBusy = await waitFor(context, taken.id);
    if (!wasBusy && given.has(taken.address)) throw keptForOther(taken);
    given.add(taken.address);
    taken = await withExclusiveHostLock(context, async () => {
      await attachAll(context, record);
      return giveBack(context, record, asked);
    });
  }
}

/** Waits until the operation on another sandbox ends: whether there was one. */
async function waitFor(
  { locker, store, lockTimeoutMs }: SandboxContext,
  id: string,
): Promise<boolean> {
  const free = await locker.lock(store.pathOf(id), "exclusive", 0);
  free?.release();
  if (free !== undefined) return false;
  (await locker.lock(store.pathOf(id), "shared", lockTimeoutMs))?.release();
  return true;
}

/** Puts back what each attachment had before an ADD. */
export function forgetAddresses({ attachments }: SandboxRecord, before: readonly string[][]): void {
  for (const [place, attachment] of attachments.entries()) {
    attachment.addresses = before[place] ?? [];
  }
}
