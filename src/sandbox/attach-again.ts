import type { CniError } from "../cni/index.ts";
import type { SandboxContext } from "./context.ts";
import { attach } from "./life.ts";
import { besideOthers } from "./operation.ts";
import type { SandboxRecord } from "./record.ts";
import { detach } from "./release.ts";
import { makesRoom } from "./room.ts";
import { forgetAddresses } from "./unheld.ts";

/** An ADD of a new sandbox that failed. */
export interface FailedAttach {
  error: CniError;
  /** As of the store, before it. */
  changedAt: number | undefined;
  /** The addresses that each attachment had before it. */
  asked: readonly string[][];
}

/** Attaches a new sandbox once more where that may do better now; throws the first fault where it may not. */
export async function attachAgain(
  context: SandboxContext,
  record: SandboxRecord,
  { error, changedAt, asked }: FailedAttach,
): Promise<void> {
  if (!(await makesRoom(context, record, { error, changedAt }))) throw error;
  try {
    await besideOthers(context, () => detach(context, record));
  } catch (fault) {
    context.log.error({ container: record.id, step: "undo", err: fault }, "DEL after ADD failed");
    throw error;
  }
  forgetAddresses(record, asked);
  await attach(context, record);
}
