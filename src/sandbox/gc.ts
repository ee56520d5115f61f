import { existsSync } from "node:fs";
import { mapConcurrently } from "../lib/concurrent.ts";
import { describeError, errnoOf } from "../lib/errors.ts";
import type { SandboxContext } from "./context.ts";
import { noteHosts, settleHosts } from "./hosts.ts";
import { type Assessment, isOver, type Marks } from "../state/assess.ts";
import { dropStaleClaims, isWaiting } from "../state/claims.ts";
import { assessNow, isLeftToRelease } from "../state/facts.ts";
import { publishedPorts, type SandboxRecord } from "../state/record.ts";
import { ignoringStateErrors, releaseOrNote } from "./release-or-note.ts";
import { settleChanges, unsettledReason } from "./settle.ts";

export interface GcOutcome {
  id: string;
  /** The engine's name for the container, where it is known. */
  name?: string;
  /**
   * `released`: its network is undone. `kept`: its container needs it. `reserved`: the next container of its name has it. `busy`: another operation works on it. `failed`:
   * it could not be undone. `waiting`: so it was before, and it is not time to try again. `gone`: there was nothing.
   * `over`: it would be released. `forgotten`: what could not be undone of it was given up.
   */
  outcome:
    | "released"
    | "kept"
    | "reserved"
    | "busy"
    | "failed"
    | "waiting"
    | "gone"
    | "over"
    | "forgotten";
  reason?: string;
}

export interface CollectOptions {
  /** How long to wait for another operation on the sandbox, ms. */
  waitMs: number;
  /** Whether a removal that failed a short time ago is left for later. */
  respectBackoff?: boolean;
  /** Only tells what would be done. */
  dryRun?: boolean;
}

/** Releases the sandbox `id` when its container no longer needs it. Never throws for an error of the network's. */
export async function collect(
  context: SandboxContext,
  id: string,
  options: CollectOptions,
): Promise<GcOutcome> {
  const [outcome = { id, outcome: "gone" }] = await collectEach(context, [id], options);
  return outcome;
}

/** Leaves a note where names are no longer to be known. */
async function collectOne(
  context: SandboxContext,
  id: string,
  options: CollectOptions,
): Promise<GcOutcome> {
  const { store } = context;
  const lock = await context.locker.lock(store.pathOf(id), "exclusive", options.waitMs);
  if (lock === undefined) return { id, outcome: existsSync(store.pathOf(id)) ? "busy" : "gone" };
  try {
    const found = store.read(id);
    if (found === undefined) {
      if (!options.dryRun) store.remove(id);
      return { id, outcome: "gone" };
    }
    const record = found === "unreadable" ? await recovered(context, id) : found;
    const of = { id, ...(record.name !== undefined && { name: record.name }) };
    const markedAt = store.stoppedAt(id);
    const { life, facts, marks } = assessNow(context, record, found === "unreadable");
    if (record.successor !== undefined && options.dryRun !== true) {
      const { settleSuccessor } = await import("./take-over.ts");
      const settled = await settleSuccessor(context, record);
      if (settled !== "free") return { ...of, outcome: settled };
    }
    if (!isOver({ life })) {
      if (options.dryRun !== true) await settleChanges(context, record);
      if (options.dryRun !== true && facts.process === "running") {
        // Its mark is of an earlier life, but not one that is made now.
        if (markedAt !== undefined && store.stoppedAt(id) === markedAt) store.clearStopped(id);
      } else if (options.dryRun !== true) {
        noteStop(context, id);
        noteHosts(context, record);
        if (found !== "unreadable" && mayHoldPorts(record)) {
          const { releaseWhenStopped } = await import("./published.ts");
          await releaseWhenStopped(context, record);
        }
        if (found !== "unreadable") {
          const { logKept } = await import("./log-kept.ts");
          ignoringStateErrors(() => logKept(context, found));
          await parkWhenDue(context, found);
        }
      }
      if (life !== "reserved") return { ...of, outcome: "kept" };
      if (options.dryRun !== true && !isWaiting(record, marks)) {
        const { reserve } = await import("./reservation.ts");
        await reserve(context, record);
      }
      return { ...of, outcome: "reserved" };
    }
    const retry = store.readRetry(id);
    if (options.respectBackoff && life === "retry later") {
      return { ...of, outcome: "waiting", reason: retry?.error ?? "" };
    }
    if (options.dryRun) return { ...of, outcome: "over" };
    return { ...of, ...(await releaseOrNote(context, record, retry)) };
  } finally {
    lock.release();
  }
}

export interface SweepOptions {
  /** How long to wait for another operation on a sandbox whose container is gone, ms; none unless told. */
  waitMs?: number;
  /** A sandbox that is left out: the caller holds its lock. */
  except?: string;
  respectBackoff?: boolean;
  dryRun?: boolean;
}

/**
 * Collects every sandbox, those on which another operation works only when that ends in time. Who holds a sandbox's lock may
 * wait here: the sandbox of a container that is gone has nobody at it who waits for another one.
 */
export async function sweep(
  context: SandboxContext,
  { except, waitMs = 0, ...options }: SweepOptions = {},
): Promise<GcOutcome[]> {
  if (options.dryRun !== true) {
    ignoringStateErrors(() => context.store.noteSweep());
    ignoringStateErrors(() => context.store.dropNotes());
    const { dropImageNotes } = await import("../state/image-notes.ts");
    ignoringStateErrors(() => dropImageNotes(context.store));
    ignoringStateErrors(() => dropStaleClaims(context.store));
  }
  const ids = context.store.list().filter((id) => id !== except);
  const outcomes = await collectAll(ids, async (id) => {
    const kept = clearlyKept(context, id);
    if (kept !== undefined) return kept;
    const isLeft = isLeftToRelease(context.store.read(id));
    return collectOne(context, id, { ...options, waitMs: isLeft ? waitMs : 0 });
  });
  if (options.dryRun !== true) {
    // Afterwards: the note of a sandbox stays as long as that does.
    const { dropStaleNotes } = await import("../state/stale-notes.ts");
    dropStaleNotes(context.store.runtimeNotes);
    await settleHosts(context);
  }
  return outcomes;
}

/** Collects the sandboxes of these containers; the hosts files are rewritten once for all of them. */
export async function collectEach(
  context: SandboxContext,
  ids: readonly string[],
  options: CollectOptions,
): Promise<GcOutcome[]> {
  const outcomes = await collectAll(ids, (id) => collectOne(context, id, options));
  if (!options.dryRun) await settleHosts(context);
  return outcomes;
}

/** A record that cannot be read at the moment is no reason to leave all others as they are. */
function collectAll(
  ids: readonly string[],
  work: (id: string) => Promise<GcOutcome>,
): Promise<GcOutcome[]> {
  return mapConcurrently(ids, (id) =>
    work(id).catch((error: unknown): GcOutcome => {
      if (errnoOf(error) === undefined) throw error;
      return { id, outcome: "failed", reason: describeError(error) };
    }),
  );
}

/** A lock costs a process: most sandboxes need none, because there is nothing to do. */
function clearlyKept(context: SandboxContext, id: string): GcOutcome | undefined {
  const record = context.store.read(id);
  if (record === undefined || record === "unreadable") return undefined;
  const { life, facts, marks, network } = assessNow(context, record);
  if (life === "reserved" && !isWaiting(record, marks)) return undefined;
  if (unsettledReason(context, record) !== undefined) return undefined;
  const isMarked = marks.stoppedForMs !== undefined;
  const isSettled = facts.process === "running" ? !isMarked : isMarked && !mayHoldPorts(record);
  const mayPark = life === "kept" && isParkDue(context, marks, network);
  if (isOver({ life }) || !isSettled || mayPark) return undefined;
  const outcome = life === "reserved" ? "reserved" : "kept";
  return { id, ...(record.name !== undefined && { name: record.name }), outcome };
}

/** Whether a stopped container may still have ports to give back. */
function mayHoldPorts(record: SandboxRecord): boolean {
  return record.ports !== "released" && publishedPorts(record).length > 0;
}

async function recovered(context: SandboxContext, id: string): Promise<SandboxRecord> {
  const { recover } = await import("./recover.ts");
  return recover(context, id);
}

/** Whether the container has been stopped for so long that its namespace may go until its start. */
function isParkDue(
  { parkAfterMs = Number.POSITIVE_INFINITY }: SandboxContext,
  { stoppedForMs = 0 }: Marks,
  network: Assessment["network"],
): boolean {
  return network === "whole" && stoppedForMs > parkAfterMs;
}

async function parkWhenDue(context: SandboxContext, record: SandboxRecord): Promise<void> {
  const { marks, network } = assessNow(context, record);
  if (!isParkDue(context, marks, network)) return;
  const { park } = await import("./park.ts");
  await park(context, record).catch((error: unknown) => {
    context.log.warn({ container: record.id, step: "park", err: error }, "could not be parked");
  });
}

/** The hook does not run when the host goes down, and the time to keep the network begins with the stop. */
function noteStop(context: SandboxContext, id: string): void {
  if (context.store.stoppedAt(id) === undefined) {
    ignoringStateErrors(() => context.store.markStopped(id));
  }
}
