import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ifThere } from "../lib/errors.ts";
import { inState } from "./files.ts";
import { MARKS } from "./marks.ts";
import { startOf } from "./running.ts";
import type { SandboxStore } from "./store.ts";

/** Notes that this process is about to become the low-level runtime that makes the container for the first time. */
export function markMaking(store: SandboxStore, id: string): void {
  const file = join(store.pathOf(id), MARKS.making);
  const { pid } = process;
  inState(file, () => writeFileSync(file, `${pid} ${startOf(pid)}\n`, { mode: 0o600 }));
}

/** Whether that process is still at work, or has ended and nobody has started the container; undefined: neither. */
export function makingOf(store: SandboxStore, id: string): "at work" | "unproven" | undefined {
  const file = join(store.pathOf(id), MARKS.making);
  // Most have none, and an error takes longer than a look.
  const text = existsSync(file) ? ifThere(() => readFileSync(file, "utf8")) : undefined;
  if (text === undefined || text === "") return undefined;
  const [pid, startedAt] = text.split(" ").map(Number);
  return startOf(pid ?? 0) === startedAt ? "at work" : "unproven";
}
