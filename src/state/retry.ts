import { LONGEST_PAUSE_MS } from "./assess.ts";
import type { Retry } from "./marks.ts";

const FIRST_PAUSE_MS = 10_000;

/** The note of a removal that failed for `error`, after those of `retry`: each pause is twice the one before. */
export function nextRetry(retry: Retry | undefined, error: string): Retry {
  const attempts = (retry?.attempts ?? 0) + 1;
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), LONGEST_PAUSE_MS);
  return { attempts, error, nextAt: Date.now() + pause };
}
