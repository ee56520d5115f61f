import { existsSync } from "node:fs";
import { join } from "node:path";
import { askRuntime } from "./container-state.ts";
import type { RuntimeNotes } from "./runtime-notes.ts";

/**
 * Removes the notes of containers that their runtime no longer has: one that was deleted past docker-cni, or whose making
 * was killed.
 */
export function dropStaleNotes(notes: RuntimeNotes): void {
  for (const key of notes.list()) {
    const note = notes.read(key);
    const isOver =
      note === undefined ||
      (!note.isBeingMade &&
        !existsSync(join(key.root, key.id)) &&
        askRuntime(note.path, key) === "gone");
    if (isOver) notes.remove(key);
  }
}
