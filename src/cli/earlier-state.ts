import { dirname } from "node:path";
import type { SandboxContext } from "../sandbox/context.ts";
import type { SandboxStore } from "../state/store.ts";

/**
 * The contexts over further state folders with sandboxes of the same engine: those of an earlier state_dir, whose namespaces were
 * made in this boot. Nothing else looks after their containers once they do not run. `contextIn` makes a context over a folder.
 */
export function earlierStates(
  { store, netns }: SandboxContext,
  stateDir: string,
  contextIn: (stateDir: string) => SandboxContext,
): SandboxContext[] {
  const own = engineFolders(store);
  return netns
    .owners()
    .filter((owner) => owner !== stateDir)
    .map(contextIn)
    .filter((other) => [...engineFolders(other.store)].some((folder) => own.has(folder)));
}

/** The folders of containers of the engines that a store has sandboxes of. */
function engineFolders(store: SandboxStore): Set<string> {
  const folders = store.list().flatMap((id) => store.links(id).containerDir ?? []);
  return new Set(folders.map(dirname));
}
