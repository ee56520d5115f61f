const millisecondsOf: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Milliseconds of a duration such as `500ms`, `60s`, `2m`, `1h30m`, `7d`: whole numbers, each with its unit, the larger
 * units first or last. Undefined when `text` is none, or is zero.
 */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d{1,9}(ms|s|m|h|d))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, digits, unit] of text.matchAll(/(\d+)(ms|s|m|h|d)/g)) {
    total += Number(digits) * (millisecondsOf[unit ?? ""] ?? 0);
  }
  return total === 0 ? undefined : total;
}
