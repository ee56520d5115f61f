import { existsSync, readdirSync } from "node:fs";
import { dirname } from "node:path";
import { isEngineThere } from "../engine/container-dir.ts";
import { errnoOf } from "../lib/errors.ts";
import type { Retry, SandboxStore } from "./store.ts";

/** How long a sandbox is left to what the poststop hook of its container left behind, ms. */
const HOOK_MS = 5000;
/** How soon a removal that failed is tried again, and the longest pause, ms. */
const FIRST_PAUSE_MS = 10_000;
const LAST_PAUSE_MS = 3_600_000;

/** Whether a container is gone whose sandbox is not, and it is time to release it. Reads no record. */
export function hasGarbage(store: SandboxStore): boolean {
  const ids = store.list();
  // One engine has nearly all of them: a list of its folder spares a look at each.
  const { containerDir: one } = store.links(ids[0] ?? "");
  const present = new Set(one === undefined ? [] : listFolder(dirname(one)));
  return ids.some((id) => {
    if (present.has(id)) return false;
    const { containerDir } = store.links(id);
    if (containerDir === undefined || existsSync(containerDir)) return false;
    if (hasJustStopped(store, id)) return false;
    return isEngineThere(dirname(containerDir)) && !isRetryLater(store.readRetry(id));
  });
}

/** The note of a removal that failed for `error`, after those of `retry`: each pause is twice the one before. */
export function nextRetry(retry: Retry | undefined, error: string): Retry {
  const attempts = (retry?.attempts ?? 0) + 1;
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), LAST_PAUSE_MS);
  return { attempts, error, nextAt: Date.now() + pause };
}

/** Whether it is not yet time. A time further ahead than any pause is the clock's fault. */
export function isRetryLater(retry: Retry | undefined): boolean {
  const ms = (retry?.nextAt ?? 0) - Date.now();
  return ms > 0 && ms <= LAST_PAUSE_MS;
}

/** Whether it is still with what its poststop hook left behind. */
function hasJustStopped(store: SandboxStore, id: string): boolean {
  const stoppedAt = store.stoppedAt(id);
  return stoppedAt !== undefined && Math.abs(Date.now() - stoppedAt) < HOOK_MS;
}

function listFolder(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}
