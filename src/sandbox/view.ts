import type { SandboxContext } from "./context.ts";
import { readContainerName } from "../engine/find-container.ts";
import { isOver } from "../state/assess.ts";
import { assessNow } from "../state/facts.ts";
import type { SandboxRecord } from "../state/record.ts";
import { recover } from "./recover.ts";
import type { Retry } from "../state/marks.ts";

/**
 * `running`, `kept`: it has its network, the container runs or is stopped. `creating`: its start is under way, or was
 * not finished. `removing`: it is being undone, or could not be. `unreadable`: its record is; what is shown was recovered.
 * `reserved`: its container is gone, and the next one of its name has it. `over`: its container is gone, and gc will release it.
 */
export type SandboxState =
  | "running"
  | "kept"
  | "creating"
  | "removing"
  | "unreadable"
  | "reserved"
  | "over";

/** A sandbox as an operator sees it. */
export interface SandboxView {
  id: string;
  /** The engine's name of now, else that of the container's start. */
  name?: string;
  state: SandboxState;
  record: SandboxRecord;
  /** What is noted of removals that failed. */
  retry?: Retry;
}

/** The sandbox `id`; undefined when there is none. */
async function viewSandbox(context: SandboxContext, id: string): Promise<SandboxView | undefined> {
  const found = context.store.read(id);
  if (found === undefined) return undefined;
  const record = found === "unreadable" ? await recover(context, id) : found;
  const { containerDir } = record;
  // One file is read of a container, and not all that Docker has: there may be a thousand.
  const now = containerDir === undefined ? undefined : readContainerName(containerDir);
  const name = now ?? record.name;
  const retry = context.store.readRetry(id);
  return {
    id,
    ...(name !== undefined && { name }),
    state: found === "unreadable" ? "unreadable" : stateOf(record, assessNow(context, record)),
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
  { state }: SandboxRecord,
  { life, facts }: ReturnType<typeof assessNow>,
): SandboxState {
  if (state === "removing") return "removing";
  if (isOver({ life })) return "over";
  if (life === "kept" || life === "reserved") return life;
  if (state === "creating") return "creating";
  return facts.process === "running" ? "running" : "kept";
}
