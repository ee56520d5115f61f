import type { SandboxContext } from "./context.ts";
import { nameOfNow } from "./current-name.ts";
import { type ContainerFacts, isReleasable, readFacts } from "../state/releasable.ts";
import type { SandboxRecord } from "../state/record.ts";
import { recover } from "./recover.ts";
import type { Retry } from "../state/store.ts";

/**
 * `running`, `kept`: it has its network, the container runs or is stopped. `creating`: its start is under way, or was
 * not finished. `removing`: it is being undone, or could not be. `unreadable`: its record is; what is shown was recovered.
 * `over`: its container is gone, and gc will release it.
 */
export type SandboxState = "running" | "kept" | "creating" | "removing" | "unreadable" | "over";

/** A sandbox as an operator sees it. */
export interface SandboxView {
  id: string;
  /** The engine's name of now, else that of the container's start. */
  name?: string;
  state: SandboxState;
  facts: ContainerFacts;
  record: SandboxRecord;
  /** What is noted of removals that failed. */
  retry?: Retry;
}

/** The sandbox `id`; undefined when there is none. */
async function viewSandbox(context: SandboxContext, id: string): Promise<SandboxView | undefined> {
  const found = context.store.read(id);
  if (found === undefined) return undefined;
  const record = found === "unreadable" ? await recover(context, id) : found;
  const facts = readFacts(context.store, record);
  const name = nameOfNow(record);
  const retry = context.store.readRetry(id);
  return {
    id,
    ...(name !== undefined && { name }),
    state: found === "unreadable" ? "unreadable" : stateOf(context, record, facts),
    facts,
    record,
    ...(retry && { retry }),
  };
}

/** All sandboxes, by name. */
export async function viewSandboxes(context: SandboxContext): Promise<SandboxView[]> {
  const views = await Promise.all(context.store.list().map((id) => viewSandbox(context, id)));
  const key = ({ name, id }: SandboxView): string => name ?? id;
  return views.flatMap((view) => view ?? []).toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

function stateOf(
  { keepForMs }: SandboxContext,
  record: SandboxRecord,
  facts: ContainerFacts,
): SandboxState {
  if (record.state === "removing") return "removing";
  if (isReleasable(record, facts, keepForMs)) return "over";
  if (record.state === "creating") return "creating";
  return facts.running ? "running" : "kept";
}
