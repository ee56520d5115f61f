import { readFileSync } from "node:fs";
import type { Measure } from "./measures.ts";

/** The samples of each variant, in the order of the rounds. */
export type Samples = Record<string, number[]>;

/** CPU time of the whole machine since it was started, ms: user, nice, system and interrupts (proc(5), stat). */
function machineCpu(): number {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0] = readFileSync(
    "/proc/stat",
    "utf8",
  )
    .split(/\s+/)
    .map(Number);
  return (user + nice + system + irq + softIrq) * 10;
}

/**
 * Runs a measure as runMeasure does, and gives the machine's CPU time for each sample beside it, ms, up to the moment when
 * all that it left behind has settled.
 */
export async function runMetered(
  measure: Measure,
  settle: () => Promise<void>,
): Promise<{ samples: Samples; cpu: Samples }> {
  const cpu: Samples = Object.fromEntries(measure.variants.map((variant) => [variant, []]));
  let started = { variant: "", at: 0 };
  const samples = await runMeasure(
    {
      ...measure,
      sample: (variant) => {
        started = { variant, at: machineCpu() };
        return measure.sample(variant);
      },
    },
    async () => {
      await settle();
      cpu[started.variant]?.push(machineCpu() - started.at);
    },
  );
  return { samples, cpu };
}

/** Runs a measure for all its variants in turns; the order turns too, so that none always follows the same other. */
export async function runMeasure(measure: Measure, settle: () => Promise<void>): Promise<Samples> {
  const { variants, rounds, warmUp } = measure;
  const samples: Samples = Object.fromEntries(variants.map((variant) => [variant, []]));
  const takeDown = await measure.prepare?.();
  for (let round = -warmUp; round < rounds; round++) {
    for (let turn = 0; turn < variants.length; turn++) {
      const index = (((round + turn) % variants.length) + variants.length) % variants.length;
      const variant = variants[index] ?? "";
      const ms = await measure.sample(variant);
      if (round >= 0) samples[variant]?.push(ms);
      await settle();
    }
  }
  await takeDown?.();
  return samples;
}
