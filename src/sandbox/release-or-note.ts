import { describeError, UserError } from "../lib/errors.ts";
import { assessNow } from "../state/facts.ts";
import type { Retry } from "../state/marks.ts";
import { cniIdOf, everyAttachment, type SandboxRecord } from "../state/record.ts";
import { nextRetry } from "../state/retry.ts";
import type { SandboxContext } from "./context.ts";
import { hadNoAdd, killOrphans, release } from "./release.ts";

/** How often the removal is tried of what never had a successful ADD. */
const MAX_ATTEMPTS = 5;

/** Forgets a sandbox with what cannot be undone of it. */
export async function giveUp(context: SandboxContext, record: SandboxRecord): Promise<void> {
  for (const { network, ifName } of everyAttachment(record)) {
    context.cni.forget({ name: network }, { containerId: cniIdOf(record), ifName });
  }
  await context.netns.remove(record.netns);
  context.store.remove(record.id);
}

/** `released`: its network is undone. `failed`: it could not be undone. `forgotten`: what could not be undone of it was given up. */
export interface ReleaseOutcome {
  outcome: "released" | "failed" | "forgotten";
  reason?: string;
}

/** Releases a sandbox, or notes why that failed and when it is tried again. */
export async function releaseOrNote(
  context: SandboxContext,
  record: SandboxRecord,
  retry: Retry | undefined,
): Promise<ReleaseOutcome> {
  try {
    await killOrphans(context, record);
    const { facts } = assessNow(context, record);
    if (facts.process === "abandoned") await context.deleteContainer(record.runtimeDir);
    await release(context, record);
    return { outcome: "released" };
  } catch (error) {
    const { id: container, name } = record;
    const fields = { container, name, step: "gc", event: "fail", err: error };
    context.log.error(fields, "the network could not be undone");
    const reason = describeError(error);
    const attempts = (retry?.attempts ?? 0) + 1;
    if (attempts >= MAX_ATTEMPTS && hadNoAdd(context, record)) {
      context.log.warn({ container, step: "gc" }, `given up after ${attempts} attempts`);
      await giveUp(context, record);
      return { outcome: "forgotten", reason };
    }
    ignoringStateErrors(() => context.store.writeRetry(container, nextRetry(retry, reason)));
    return { outcome: "failed", reason };
  }
}

/** Runs a write to state_dir without which a removal goes on. */
export function ignoringStateErrors(write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
}
