import { UserError } from "../errors.ts";
import type { SandboxContext } from "./context.ts";
import { nameOfNow } from "./name-of-now.ts";
import type { SandboxRecord } from "./record.ts";

/** An address that is another container's, which cannot hold it at the moment. */
export interface Taken {
  address: string;
  /** The other container's name or id. */
  owner: string;
}

/**
 * While a kept network is built again its plugins do not hold its addresses, and when that fails they do not until the
 * next start. What another container was given meanwhile is looked at here: undefined when none of it is kept for anybody.
 */
export function takenFrom(context: SandboxContext, record: SandboxRecord): Taken | undefined {
  for (const id of context.store.listUnheld()) {
    const other = id === record.id ? undefined : context.store.read(id);
    if (other === undefined || other === "unreadable") continue;
    for (const { network, addresses } of record.attachments) {
      const own = other.attachments.filter((each) => each.network === network);
      const kept = new Set(own.flatMap((each) => each.addresses));
      const address = addresses.find((each) => kept.has(each));
      if (address !== undefined) return { address, owner: nameOfNow(other) ?? other.id };
    }
  }
  return undefined;
}

/** The fault of a network that gives out nothing but what is kept for others. */
export function keptForOther({ address, owner }: Taken): UserError {
  return new UserError(
    "CNI_FAILED",
    `the network gave ${address}, which is kept for container ${owner}`,
    { hint: `start ${owner}, so that it holds its address again, or remove it` },
  );
}
