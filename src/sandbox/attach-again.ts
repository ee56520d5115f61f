import type { CniError } from "../cni/index.ts";
import type { SandboxContext } from "./context.ts";
import { attachWhenReady } from "./early.ts";
import { attach } from "./life.ts";
import { withSharedHostLock } from "./host-lock.ts";
import type { SandboxRecord } from "../state/record.ts";
import { detach } from "./release.ts";
import { mayRetryAdd } from "./retry-add.ts";
import { forgetAddresses } from "./unreserved.ts";

/** An ADD of a new sandbox that failed. */
export interface FailedAttach {
  error: CniError;
  /** As of the store, before it. */
  changedAt: number | undefined;
  /** The addresses that each attachment had before it. */
  asked: readonly string[][];
}

/** Attaches a new sandbox once more where that may do better now; throws the first error where it may not. */
export async function attachAgain(
  context: SandboxContext,
  record: SandboxRecord,
  { error, changedAt, asked }: FailedAttach,
): Promise<void> {
  const again = async (): Promise<void> => {
    await withSharedHostLock(context, () => detach(context, record)).catch((fault: unknown) => {
      context.log.error({ container: record.id, step: "undo", err: fault }, "DEL after ADD failed");
      throw error;
    });
    forgetAddresses(record, asked);
    await attach(context, record);
  };
  const fault = await attachWhenReady(context, record, { error, attach: again });
  if (fault === undefined) return;
  if (!(await mayRetryAdd(context, record, { error: fault, changedAt }))) throw fault;
  await again();
}
