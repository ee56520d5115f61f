import type { AttachmentRecord, ChangingAttachment, SandboxRecord } from "./record.ts";
import type { SandboxStore } from "./store.ts";

/** What an attachment of a sandbox is, apart from the sandbox itself; `none` and `attached` are no words in the record. */
export type AttachmentState = "none" | ChangingAttachment["change"] | "attached";

/** What happens to one attachment of a sandbox that keeps its others. */
const EVENTS = {
  /** Its ADD is about to begin. */
  connecting: { from: ["none"], to: "connecting" },
  /** Its ADD is done. */
  connected: { from: ["none", "connecting"], to: "attached" },
  /** Its DEL is about to begin: it is not wanted any more, or its ADD was not finished. */
  disconnecting: { from: ["attached", "connecting", "disconnecting"], to: "disconnecting" },
  /** Its DEL is done. */
  disconnected: { from: ["disconnecting"], to: "none" },
} as const satisfies Record<string, { from: readonly AttachmentState[]; to: AttachmentState }>;

export type AttachmentEvent = keyof typeof EVENTS;

/** The state in which `event` leaves an attachment that is in `state`; throws where that cannot happen, which is a bug. */
export function nextAttachmentState(
  state: AttachmentState,
  event: AttachmentEvent,
): AttachmentState {
  const { from, to }: { from: readonly AttachmentState[]; to: AttachmentState } = EVENTS[event];
  if (!from.includes(state)) throw new Error(`an attachment that is ${state} cannot be ${event}`);
  return to;
}

/**
 * Moves one attachment of a sandbox to its next state, on disk first, with what else of the record is `along` in the same write:
 * a crash leaves the attachment among the others, or apart from them to be undone. `routes`: see ChangingAttachment.
 */
export function attachmentTransition(
  store: SandboxStore,
  record: SandboxRecord,
  { attachment, event, routes, along = {} }: AttachmentChange,
): void {
  const { network, ifName } = attachment;
  const isIt = (each: AttachmentRecord): boolean =>
    each.network === network && each.ifName === ifName;
  const before = record.changing?.find((each) => isIt(each.attachment));
  const state = nextAttachmentState(stateOf(record, before, isIt), event);
  const others = (record.changing ?? []).filter((each) => each !== before);
  const rest = (along.attachments ?? record.attachments).filter((each) => !isIt(each));
  const attachments = state === "attached" ? [...rest, attachment] : rest;
  const kept = routes ?? before?.routes;
  const changing: ChangingAttachment[] =
    state === "connecting" || state === "disconnecting"
      ? [...others, { change: state, attachment, ...(kept && { routes: kept }) }]
      : others;
  const next = { ...record, ...along, attachments, changing };
  store.write(withoutEmpty(next));
  Object.assign(record, along, { attachments });
  if (changing.length > 0) record.changing = changing;
  else delete record.changing;
}

export interface AttachmentChange {
  attachment: AttachmentRecord;
  event: AttachmentEvent;
  routes?: ChangingAttachment["routes"];
  along?: Partial<SandboxRecord>;
}

function stateOf(
  { attachments }: SandboxRecord,
  changing: ChangingAttachment | undefined,
  isIt: (each: AttachmentRecord) => boolean,
): AttachmentState {
  return changing?.change ?? (attachments.some(isIt) ? "attached" : "none");
}

function withoutEmpty(record: SandboxRecord): SandboxRecord {
  const { changing = [], ...rest } = record;
  return changing.length > 0 ? record : rest;
}
