import { existsSync } from "node:fs";
import { UserError } from "../lib/errors.ts";
import type { SandboxContext } from "./context.ts";
import type { GcOutcome } from "./gc.ts";
import { giveUp, releaseOrNote } from "./release-or-note.ts";
import { settleHosts } from "./hosts.ts";
import { nameOfNow } from "./current-name.ts";
import { assessNow } from "../state/facts.ts";
import { recover } from "./recover.ts";

/**
 * Gives up a sandbox that cannot be undone, as when its plugin is gone for ever: after one more try its namespace and all
 * that is remembered of it go. Refuses with BAD_REQUEST while its container exists.
 */
export async function forget(context: SandboxContext, id: string): Promise<GcOutcome> {
  const { store } = context;
  const lock = await context.locker.lock(store.pathOf(id), "exclusive", context.lockTimeoutMs);
  if (lock === undefined) return { id, outcome: existsSync(store.pathOf(id)) ? "busy" : "gone" };
  try {
    const found = store.read(id) ?? "unreadable";
    const record = found === "unreadable" ? await recover(context, id) : found;
    const { facts } = assessNow(context, record);
    const isRunning = facts.process === "running" && found !== "unreadable";
    if (facts.container === "there" || isRunning) {
      throw new UserError(
        "BAD_REQUEST",
        `the container ${nameOfNow(record) ?? id} is still there`,
        {
          hint: "remove it first",
        },
      );
    }
    const { outcome, reason } = await releaseOrNote(context, record, undefined);
    if (outcome === "released") return { id, outcome };
    await giveUp(context, record);
    return { id, outcome: "forgotten", ...(reason !== undefined && { reason }) };
  } finally {
    lock.release();
    await settleHosts(context);
  }
}
