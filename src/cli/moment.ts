import { parseDuration } from "../config/duration.ts";
import { UserError } from "../lib/errors.ts";

/**
 * The moment that `--since` or `--until` names, in ms since 1970, as Docker's client takes it: so long ago (`10m`, `1h30m`, `0s`), a date
 * and time (ISO 8601; without a zone in the local one), or seconds since 1970. Throws BAD_ARGS.
 */
export function parseMoment(option: string, text: string, now = Date.now()): number {
  if (/^0(ms|s|m|h|d)?$/.test(text)) return now;
  const ago = parseDuration(text);
  if (ago !== undefined) return now - ago;
  if (/^\d{1,12}(\.\d{1,9})?$/.test(text)) return Math.round(Number(text) * 1000);
  // A date alone is UTC to Date.parse, and local to Docker.
  const whole = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00` : text;
  const time = /^\d{4}-\d{2}-\d{2}T/.test(whole) ? Date.parse(whole) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new UserError("BAD_ARGS", `${option} ${JSON.stringify(text)} names no moment`, {
    hint: "write how long ago (10m), a time (2026-01-31T12:00:00), or seconds since 1970",
  });
}
