import { UserError } from "../lib/errors.ts";
import { dropStaleClaims } from "../state/claims.ts";
import { assessNow } from "../state/facts.ts";
import { nameOfNow } from "./current-name.ts";
import type { SandboxContext } from "./context.ts";
import { releaseOrNote } from "./release-or-note.ts";
import { settleHosts } from "./hosts.ts";
import { holdersOf } from "./reservation.ts";
import { settleSuccessor } from "./take-over.ts";

/**
 * Gives up what is reserved for `name`: DEL, and the network's addresses are anybody's. Throws NO_SUCH_CONTAINER where nothing is
 * reserved for it, IN_USE where a container has it, BUSY, and CNI_FAILED where it could not be undone; gc tries that again.
 */
export async function releaseReserved(context: SandboxContext, name: string): Promise<void> {
  const { store, locker, lockTimeoutMs } = context;
  let holder: string | undefined;
  let released = 0;
  for (const id of holdersOf(context, name)) {
    const lock = await locker.lock(store.pathOf(id), "exclusive", lockTimeoutMs);
    if (lock === undefined) {
      if (store.list().includes(id)) throw busy(name);
      continue;
    }
    try {
      const record = store.read(id);
      if (typeof record !== "object" || record.reserve !== name) continue;
      if (assessNow(context, record).life !== "reserved") {
        holder = nameOfNow(record) ?? id.slice(0, 12);
        continue;
      }
      const settled = await settleSuccessor(context, record);
      if (settled === "busy") throw busy(name);
      if (settled === "gone") continue;
      const { outcome, reason } = await releaseOrNote(context, record, store.readRetry(id));
      if (outcome === "failed") throw failed(name, reason ?? "");
      released += 1;
    } finally {
      lock.release();
    }
  }
  dropStaleClaims(store);
  await settleHosts(context);
  if (released > 0) return;
  throw holder === undefined ? nothing(name) : held(name, holder);
}

function nothing(name: string): UserError {
  return new UserError("NO_SUCH_CONTAINER", `no network is reserved for ${JSON.stringify(name)}`, {
    hint: "see them with: docker cni reservations ls",
  });
}

function held(name: string, holder: string): UserError {
  return new UserError("IN_USE", `container ${holder} has the network of ${name}`, {
    hint: `it is reserved when that container is removed: docker rm -f ${holder}`,
  });
}

function busy(name: string): UserError {
  return new UserError("BUSY", `a container takes over what is reserved for ${name}`, {
    hint: "see it with: docker cni ls",
  });
}

function failed(name: string, reason: string): UserError {
  return new UserError("CNI_FAILED", `what is reserved for ${name} was not undone: ${reason}`, {
    hint: "it is tried again by: docker cni gc",
  });
}
