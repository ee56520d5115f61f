import { describeError, UserError } from "../lib/errors.ts";
import { describePort, type PortMapping } from "../ports/ports.ts";
import { attachmentTransition } from "../state/changes.ts";
import { type AttachmentRecord, publishedPorts, type SandboxRecord } from "../state/record.ts";
import { type Changeable, changeSandbox } from "./change.ts";
import type { SandboxContext } from "./context.ts";
import { publishNames } from "./publish-names.ts";
import { logEvent } from "./network-event.ts";
import { undoChanging } from "./settle.ts";

export interface Disconnected {
  /** The container as messages name it. */
  name: string;
  attachment: AttachmentRecord;
  /** Its ports that no other of its networks publishes. */
  unpublished: PortMapping[];
}

/**
 * Takes a container off a network, which is named by its name or by its interface; it stays off over restarts. A default route that
 * went with it is another network's, where one brings any. Throws BAD_REQUEST where it is not on that network, and CNI_FAILED where
 * plugins could not undo all of it: it is off the network then, and gc tries the rest again.
 */
export async function disconnect(
  context: SandboxContext,
  id: string,
  word: string,
): Promise<Disconnected> {
  return changeSandbox(context, id, async (sandbox) => {
    const { record, name } = sandbox;
    const attachment = findAttachment(sandbox, word);
    const unpublished = goneWith(record, attachment);
    const along = withoutAttachment(record, attachment);
    attachmentTransition(context.store, record, { attachment, event: "disconnecting", along });
    const [fault] = await undoChanging(context, record);
    await publishNames(context, record);
    logEvent(context, { ...record, attachments: [attachment] }, "disconnect", "disconnected");
    if (fault === undefined) return { name, attachment, unpublished };
    throw new UserError(
      "CNI_FAILED",
      `container ${name} is off network ${attachment.network}, and a plugin did not undo all of it: ${describeError(fault)}`,
      { hint: "docker-cni gc tries that again", cause: fault },
    );
  });
}

/** The attachment to the network of that name, or with that interface. */
function findAttachment({ record, name }: Changeable, word: string): AttachmentRecord {
  const { attachments } = record;
  const named = attachments.filter(({ network }) => network === word);
  const [found, second] =
    named.length > 0 ? named : attachments.filter((each) => each.ifName === word);
  const shown = JSON.stringify(word);
  if (second !== undefined) {
    throw new UserError("BAD_REQUEST", `container ${name} is on network ${shown} more than once`, {
      hint: `name the interface: ${named.map(({ ifName }) => ifName).join(", ")}`,
    });
  }
  if (found !== undefined) return found;
  const has = attachments.map(({ network, ifName }) => `${network} (${ifName})`).join(", ");
  throw new UserError("BAD_REQUEST", `container ${name} is not connected to network ${shown}`, {
    hint: has === "" ? "it is on no network" : `it is on: ${has}`,
  });
}

/** What else of the record goes with it: its ports, and that it had taken the default route from others. */
function withoutAttachment(
  record: SandboxRecord,
  attachment: AttachmentRecord,
): Partial<SandboxRecord> {
  const { network, tookDefaultRoute = {}, connected } = attachment;
  const attachments = record.attachments.map((each) => {
    const defaultRoute = each.defaultRoute ?? tookDefaultRoute[each.ifName];
    return { ...each, ...(defaultRoute && { defaultRoute }) };
  });
  const gone = new Set(goneWith(record, attachment).map(describePort));
  const isLeft = (port: PortMapping): boolean => !gone.has(describePort(port));
  const { chosenPorts, published, disconnected = [] } = record;
  return {
    attachments,
    ...(chosenPorts && { chosenPorts: chosenPorts.filter(isLeft) }),
    ...(published && { published: published.filter(isLeft) }),
    ...(connected !== true && { disconnected: [...new Set([...disconnected, network])] }),
  };
}

function goneWith(record: SandboxRecord, attachment: AttachmentRecord): PortMapping[] {
  const others = record.attachments.filter(({ ifName }) => ifName !== attachment.ifName);
  const left = new Set(publishedPorts({ attachments: others }).map(describePort));
  return publishedPorts({ attachments: [attachment] }).filter(
    (port) => !left.has(describePort(port)),
  );
}
