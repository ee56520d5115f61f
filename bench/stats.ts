/** The samples of one measurement, and what they come to. */
export interface Summary {
  n: number;
  median: number;
  /** The quartiles: half of the samples lie between them. */
  low: number;
  high: number;
}

export function summarize(samples: readonly number[]): Summary {
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    n: sorted.length,
    median: quantile(sorted, 0.5),
    low: quantile(sorted, 0.25),
    high: quantile(sorted, 0.75),
  };
}

/** The median of the differences of samples that were taken in the same round. */
export function medianOver(samples: readonly number[], baseline: readonly number[]): number {
  return summarize(samples.map((sample, round) => sample - (baseline[round] ?? Number.NaN))).median;
}

function quantile(sorted: readonly number[], q: number): number {
  if (sorted.length === 0) return Number.NaN;
  const at = (sorted.length - 1) * q;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}
