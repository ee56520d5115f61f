import type { Samples } from "./run.ts";
import { medianOver, summarize } from "./stats.ts";

export interface Results {
  samples: Record<string, Samples>;
  peakMb: number;
  burstSize: number;
  crowd: number;
  neighbours: number;
}

export interface Row {
  what: string;
  goal: string;
  figure: string;
  reached: boolean;
}

/** The table: each goal with the figure that was measured for it. */
export function rowsOf(results: Results): Row[] {
  const { samples, peakMb, burstSize, crowd, neighbours } = results;
  const over = (measure: string, variant: string): number =>
    medianOver(samples[measure]?.[variant] ?? [], samples[measure]?.["bare"] ?? []);
  const median = (measure: string, variant: string): number =>
    summarize(samples[measure]?.[variant] ?? []).median;
  const ratio = (measure: string, variant: string, to: string): number =>
    median(measure, variant) / median(measure, to);
  const growth = (variant: string): number =>
    over(`beside ${variant}`, variant) - over("start", variant);
  const node = median("restart", "node");
  const inComparison = (measure: string): string =>
    Object.keys(samples[measure] ?? {})
      .filter((variant) => !["bare", "node", "crowded"].includes(variant))
      .map((variant) => `${variant} ${signed(over(measure, variant))}`)
      .join(", ");
  return [
    {
      what: "a runtime call that is not create or delete",
      goal: "at most 2 ms over bare",
      figure: `${signed(over("call", "cni"))} ms`,
      reached: over("call", "cni") <= 2,
    },
    {
      what: "start of a new container",
      goal: "not slower than the floor",
      figure: `${times(ratio("start", "cni", "floor"))} the floor; ms over bare: ${inComparison("start")}`,
      reached: ratio("start", "cni", "floor") <= 1,
    },
    {
      what: "start of a kept container",
      goal: "at most 1.2 × an empty Node process over bare",
      figure: `${times(over("restart", "cni") / node)} Node's ${node.toFixed(1)} ms; ms over bare: ${inComparison("restart")}`,
      reached: over("restart", "cni") <= 1.2 * node,
    },
    {
      what: "stop of a kept container",
      goal: "at most 3 ms over bare",
      figure: `ms over bare: ${inComparison("stop")}`,
      reached: over("stop", "cni") <= 3,
    },
    {
      what: "docker run --rm, whole life",
      goal: "not slower than Docker's bridge",
      figure: `${times(ratio("life", "cni", "bridge"))} the bridge; ms over bare: ${inComparison("life")}`,
      reached: ratio("life", "cni", "bridge") <= 1,
    },
    {
      what: `${burstSize} docker run --rm at once`,
      goal: "at most 1.1 × the floor",
      figure: `${times(ratio("burst", "cni", "floor"))} the floor; × bare: ${Object.keys(
        samples["burst"] ?? {},
      )
        .map((variant) => `${variant} ${ratio("burst", variant, "bare").toFixed(2)}`)
        .join(", ")}`,
      reached: ratio("burst", "cni", "floor") <= 1.1,
    },
    {
      what: `start with ${crowd} kept sandboxes on the host`,
      goal: "at most 1.1 × the time with none",
      figure: times(ratio("start", "crowded", "cni")),
      reached: ratio("start", "crowded", "cni") <= 1.1,
    },
    {
      what: `start beside ${neighbours} running containers on the same network`,
      goal: "costs at most as much more as on Docker's bridge",
      figure: `${signed(growth("cni"))} ms, on the bridge ${signed(growth("bridge"))}; ms over bare: cni ${signed(over("beside cni", "cni"))}, bridge ${signed(over("beside bridge", "bridge"))}`,
      reached: growth("cni") <= growth("bridge"),
    },
    {
      what: "peak memory of the program during create",
      goal: "at most 60 MB",
      figure: `${peakMb.toFixed(0)} MB`,
      reached: peakMb <= 60,
    },
  ];
}

function signed(ms: number): string {
  return `${ms >= 0 ? "+" : ""}${ms.toFixed(1)}`;
}

function times(ratio: number): string {
  return `${ratio.toFixed(2)} ×`;
}
