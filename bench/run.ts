import type { Measure } from "./measures.ts";

/** The samples of each variant, in the order of the rounds. */
export type Samples = Record<string, number[]>;

/** Runs a measure for all its variants in turns; the order turns too, so that none always follows the same other. */
export async function runMeasure(measure: Measure, settle: () => Promise<void>): Promise<Samples> {
  const { variants, rounds, warmUp } = measure;
  const samples: Samples = Object.fromEntries(variants.map((variant) => [variant, []]));
  for (let round = -warmUp; round < rounds; round++) {
    for (let turn = 0; turn < variants.length; turn++) {
      const index = (((round + turn) % variants.length) + variants.length) % variants.length;
      const variant = variants[index] ?? "";
      const ms = await measure.sample(variant);
      if (round >= 0) samples[variant]?.push(ms);
      await settle();
    }
  }
  return samples;
}
