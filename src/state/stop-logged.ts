import { ifThere } from "../lib/errors.ts";
import { statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inState } from "./files.ts";
import { MARKS } from "./marks.ts";
import type { SandboxStore } from "./store.ts";

/**
 * Notes that the log tells of the stop that the sandbox `id` is marked with; false when it has already, and where there is none.
 * Throws STATE_FAILED when the disk refuses.
 */
export function noteStopLogged(store: SandboxStore, id: string): boolean {
  const stoppedAt = store.stoppedAt(id);
  if (stoppedAt === undefined) return false;
  const file = join(store.pathOf(id), MARKS.stopLogged);
  // By its time of change, in whole milliseconds: the mark of another stop has another.
  const logged = ifThere(() => statSync(file).mtimeMs);
  if (logged !== undefined && Math.round(logged) === Math.round(stoppedAt)) return false;
  const at = new Date(Math.round(stoppedAt));
  inState(file, () => {
    writeFileSync(file, "", { mode: 0o600 });
    utimesSync(file, at, at);
  });
  return true;
}
