import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inState } from "./files.ts";
import { MARKS } from "./marks.ts";
import type { SandboxStore } from "./store.ts";

/** Notes that the namespace is about to be given up until the container's next start. */
export function markParked(store: SandboxStore, id: string): void {
  const file = join(store.pathOf(id), MARKS.parked);
  inState(file, () => writeFileSync(file, "", { mode: 0o600 }));
}

/** Whether that was noted. */
export function isParked(store: SandboxStore, id: string): boolean {
  return existsSync(join(store.pathOf(id), MARKS.parked));
}
