import { setTimeout as pause } from "node:timers/promises";
import { describeError, UserError } from "../lib/errors.ts";
import { checkAll } from "./attach.ts";
import type { SandboxContext } from "./context.ts";
import { unavailableReason } from "./early.ts";
import { falseFaultsReason, hasFault, noteFalseFaults } from "./false-faults.ts";
import { heldTwice } from "./held-twice.ts";
import { noteHosts } from "./hosts.ts";
import { dropIpv6 } from "./restore-ipv6.ts";
import { isCheckUnsupported, readOrRecover } from "./life.ts";
import { reattach } from "./rebuild.ts";
import { logEvent } from "./network-event.ts";
import { killOrphans } from "./release.ts";
import { settleChanges, unsettledReason } from "./settle.ts";
import type { Lock } from "../state/lock.ts";
import { assessNow, runsNow } from "../state/facts.ts";
import { networkNow } from "../state/network-now.ts";
import type { SandboxRecord } from "../state/record.ts";
import { transition } from "../state/transitions.ts";
import { firstProcess } from "../state/running.ts";

/** How long the reload of a firewall may take, ms. */
const SETTLED_AFTER_MS = 3000;

export interface Health {
  /**
   * `ok`: as ADD left it. `broken`: it is not. `healed`: it was not, and is now. `later`: it is not, and will be built
   * again when its container starts. `busy`: another operation works on it. `gone`: there is none.
   */
  health: "ok" | "broken" | "healed" | "later" | "busy" | "gone";
  reason?: string;
}

/** Finds out whether a sandbox is as its last ADD left it. Changes nothing. */
export function checkSandbox(context: SandboxContext, id: string): Promise<Health> {
  return underLock(context, id, async (record) => {
    const { fault: _, ...found } = await examine(context, record);
    if (found.health !== "ok" || !runsNow(context.store, record)) return found;
    const reason = heldTwice(record);
    return reason === undefined ? found : { health: "broken", reason };
  });
}

/** Whether a sandbox is broken so that `healSandbox` would build it again. Changes nothing. */
export async function isBroken(context: SandboxContext, id: string): Promise<boolean> {
  const { health } = await underLock(context, id, (record) => examine(context, record));
  return health === "broken";
}

/**
 * Builds a sandbox again that is not as its last ADD left it, with the addresses that it has. In the middle of a reload of the
 * firewall (`isReloading`) rules may be removed again a moment later: only what stays broken then is the plugin's own fault.
 */
export function healSandbox(
  context: SandboxContext,
  id: string,
  { isReloading = false } = {},
): Promise<Health> {
  return underLock(context, id, async (record) => {
    const unsettled = unsettledReason(context, record);
    const left = await settleChanges(context, record);
    if (left.length > 0) return { health: "broken", reason: describeError(left[0]) };
    const { fault, ...found } = await examine(context, record);
    // A container may have been given another name since.
    noteHosts(context, record);
    if (unsettled !== undefined && found.health === "ok") {
      return { health: "healed", reason: unsettled };
    }
    if (found.health !== "broken") return found;
    const isWhole = networkNow(context, record) === "whole";
    const away = isWhole ? await unavailableReason(context, record) : undefined;
    if (away !== undefined) {
      const reason = `${found.reason ?? ""}; not built again while a plugin cannot serve: ${away.message}`;
      return { ...found, reason };
    }
    await killOrphans(context, record);
    if (await bindAgain(context, record)) {
      // Its interfaces have been in it all the time.
      const { health } = await examine(context, record);
      if (health !== "broken") {
        context.store.write(record);
        return healed(context, record, found);
      }
    }
    await reattach(context, record);
    if (isReloading && (await hasFault(context, record, fault))) {
      await pause(SETTLED_AFTER_MS);
      await reattach(context, record);
    }
    await dropIpv6(context, record);
    await noteFalseFaults(context, record, fault);
    transition(context.store, record, "attached");
    return healed(context, record, found);
  });
}

function healed(context: SandboxContext, record: SandboxRecord, found: Health): Health {
  logEvent(context, record, "heal", "healed", { reason: found.reason });
  return { ...found, health: "healed" };
}

async function underLock(
  context: SandboxContext,
  id: string,
  work: (record: SandboxRecord) => Promise<Health>,
): Promise<Health> {
  const lock: Lock | undefined = await context.locker.lock(
    context.store.pathOf(id),
    "exclusive",
    context.lockTimeoutMs,
  );
  if (lock === undefined) return { health: context.store.list().includes(id) ? "busy" : "gone" };
  try {
    const record = await readOrRecover(context, id);
    return record === undefined ? { health: "gone" } : await work(record);
  } catch (error) {
    context.log.error(
      { container: id, step: "heal", event: "fail", err: error },
      "could not be healed",
    );
    if (!(error instanceof Error)) throw error;
    return { health: "broken", reason: error.message };
  } finally {
    lock.release();
  }
}

interface Examined extends Health {
  /** What CHECK found. */
  fault?: Error;
}

async function examine(context: SandboxContext, record: SandboxRecord): Promise<Examined> {
  const { network, facts } = assessNow(context, record);
  if (network === "none") {
    return { health: "later", reason: `its state is "${record.state}": see docker-cni gc` };
  }
  if (network === "parked") {
    return { health: "ok", reason: "parked: its start builds its network again" };
  }
  if (network !== "whole") {
    const reason =
      network === "lost" ? "its network namespace is lost" : "it was not built again to the end";
    return { health: facts.process === "running" ? "broken" : "later", reason };
  }
  const unsettled = unsettledReason(context, record);
  if (unsettled !== undefined) return { health: "broken", reason: unsettled };
  try {
    const reason = (await checkAll(context, record)) ?? falseFaultsReason(record);
    const lost = await lostByNftables(record);
    if (lost !== undefined) return { health: "broken", reason: lost };
    return { health: "ok", ...(reason !== undefined && { reason }) };
  } catch (error) {
    if (isCheckUnsupported(error)) return { health: "ok", reason: "its network knows no CHECK" };
    if (!(error instanceof Error)) throw error;
    return { health: "broken", reason: error.message, fault: error };
  }
}

/** What of its rules in nftables is gone, which no CHECK looks for. */
async function lostByNftables(record: SandboxRecord): Promise<string | undefined> {
  if (!record.attachments.some(({ list }) => list.includes('"ipMasqBackend"'))) return undefined;
  const { lostMasquerade } = await import("./nft-masquerade.ts");
  return lostMasquerade(record);
}

/** A running container's namespace that lost its name gets it again: whether it had lost it. */
async function bindAgain(context: SandboxContext, record: SandboxRecord): Promise<boolean> {
  if (context.netns.isAlive(record.netns)) return false;
  const pid = firstProcess(record.runtimeDir)?.pid;
  if (pid === undefined) {
    throw new UserError("NETNS_FAILED", `no process of ${record.id} is known`, {
      hint: `its network is built again when it starts: docker restart ${record.id.slice(0, 12)}`,
    });
  }
  await context.netns.remove(record.netns);
  await context.netns.attach(record.netns, pid);
  record.bootId = context.bootId;
  return true;
}
