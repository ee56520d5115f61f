import { describeError } from "../lib/errors.ts";
import { netnsPath } from "../netns/netns.ts";
import { attachmentTransition } from "../state/changes.ts";
import { runsNow } from "../state/facts.ts";
import type { AttachmentRecord, ChangingAttachment, SandboxRecord } from "../state/record.ts";
import type { SandboxContext } from "./context.ts";
import { withSharedHostLock } from "./host-lock.ts";
import { noteHosts } from "./hosts.ts";
import { fillDefaultRoutes } from "./left-routes.ts";
import { restoreDefaultRoutes } from "./stand-in-routes.ts";
import { detach } from "./release.ts";

/** Why a sandbox is not as its record wants it: a change of `connect`, `publish` or the like was cut short. Undefined where none was. */
export function unsettledReason(
  { store }: Pick<SandboxContext, "store">,
  record: SandboxRecord,
): string | undefined {
  const [first] = record.changing ?? [];
  if (first !== undefined) {
    return `${first.change} ${first.attachment.network} was not done to the end`;
  }
  const isPublishing =
    record.state === "attached" && record.ports === "acquiring" && runsNow(store, record);
  if (!isPublishing && record.unpublishing === undefined) return undefined;
  return "its ports were not published to the end";
}

/**
 * Ends the changes that were cut short, for who holds the sandbox's lock: an attachment that was being connected or disconnected is
 * undone, and the ports are published as the record has them. Gives what went wrong, which is logged; the record says what is left.
 */
export async function settleChanges(
  context: SandboxContext,
  record: SandboxRecord,
): Promise<unknown[]> {
  if (unsettledReason(context, record) === undefined) return [];
  // What a killed command left at work would go on beside this.
  await context.orphans.end(netnsPath(record.netns), record);
  const faults = await undoChanging(context, record);
  if (unsettledReason(context, { ...record, changing: [] }) === undefined) return faults;
  try {
    const { settlePorts } = await import("./publish.ts");
    await settlePorts(context, record);
  } catch (error) {
    logFault(context, record, error);
    faults.push(error);
  }
  return faults;
}

/** The same of attachments alone. */
export async function undoChanging(
  context: SandboxContext,
  record: SandboxRecord,
): Promise<unknown[]> {
  const faults: unknown[] = [];
  for (const { change, attachment, routes } of record.changing ?? []) {
    try {
      if (change === "connecting") {
        attachmentTransition(context.store, record, { attachment, event: "disconnecting" });
      }
      noteHosts(context, { ...record, attachments: [attachment] });
      await undoAttachment(context, record, { attachment, routes });
      attachmentTransition(context.store, record, { attachment, event: "disconnected" });
    } catch (error) {
      logFault(context, record, error);
      faults.push(error);
    }
  }
  return faults;
}

/**
 * DEL of one attachment, while the others stay. Then the default routes are what they were before its ADD, or another network's where
 * they went with it.
 */
async function undoAttachment(
  context: SandboxContext,
  record: SandboxRecord,
  { attachment, routes }: { attachment: AttachmentRecord; routes: ChangingAttachment["routes"] },
): Promise<void> {
  const { netns } = context;
  const wasThere = netns.isAlive(record.netns);
  try {
    await withSharedHostLock(context, () =>
      detach(context, { ...record, attachments: [attachment] }),
    );
  } finally {
    if (!wasThere) await netns.remove(record.netns);
    else if (routes === undefined) await fillDefaultRoutes(context, record);
    else await restoreDefaultRoutes(context, record.netns, { ...routes, wanted: routes.before });
  }
}

function logFault({ log }: SandboxContext, { id }: SandboxRecord, error: unknown): void {
  const message = `a change could not be undone: ${describeError(error)}`;
  log.error({ container: id, step: "settle", err: error }, message);
}
