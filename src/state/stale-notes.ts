import { existsSync } from "node:fs";
import { join } from "node:path";
import { askRuntime } from "./container-state.ts";
import type { RuntimeKey, RuntimeNotes } from "./runtime-notes.ts";

/**
 * Removes the notes of containers that their runtime no longer has: one that was deleted past docker-cni, or whose making
 * was killed. The note of a sandbox ends with that.
 */
export function dropStaleNotes(notes: RuntimeNotes): void {
  for (const key of notes.list()) {
    const note = notes.read(key);
    const isReleasable =
      note === undefined ||
      (!note.isBeingMade &&
        !(note.sandbox !== "" && existsSync(note.sandbox)) &&
        !rootsOf(key).some((root) => existsSync(join(root, key.id))) &&
        askRuntime(note.path, key) === "gone");
    if (isReleasable) notes.remove(key);
  }
}

/** Where runc and crun would have a folder of the container: the look at it spares the question. */
function rootsOf({ root }: RuntimeKey): string[] {
  return root === "" ? ["/run/runc", "/run/crun"] : [root];
}
