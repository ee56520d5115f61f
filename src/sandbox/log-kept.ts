import type { SandboxRecord } from "../state/record.ts";
import { noteStopLogged } from "../state/stop-logged.ts";
import type { SandboxContext } from "./context.ts";
import { logEvent } from "./network-event.ts";

/** Tells of a stop of a container that keeps its network, once: the hook itself has no log. The caller holds the sandbox's lock. */
export function logKept(context: SandboxContext, record: SandboxRecord): void {
  const { store } = context;
  const at = store.stoppedAt(record.id);
  if (at === undefined || record.state !== "attached" || !noteStopLogged(store, record.id)) return;
  logEvent(context, record, "keep", "kept while its container is stopped", { at });
}
