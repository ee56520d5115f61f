import { describe, expect, test } from "vitest";
import { chart } from "../../bench/chart.ts";
import { rowsOf } from "../../bench/goals.ts";
import { runMeasure } from "../../bench/run.ts";
import { medianOver, summarize } from "../../bench/stats.ts";

test.each([
  [[3, 1, 2], { n: 3, median: 2, low: 1.5, high: 2.5 }],
  [[10], { n: 1, median: 10, low: 10, high: 10 }],
  [[1, 2, 3, 4], { n: 4, median: 2.5, low: 1.75, high: 3.25 }],
])("%j is summarized by median and quartiles", (samples, summary) => {
  expect(summarize(samples)).toEqual(summary);
});

test("a difference is the median of the rounds' own differences", () => {
  expect(medianOver([11, 105, 33], [10, 100, 30])).toBe(3);
});

test("variants are measured in turns, the order turns, and the warm-up does not count", async () => {
  const order: string[] = [];
  const samples = await runMeasure(
    {
      name: "x",
      variants: ["a", "b"],
      rounds: 2,
      warmUp: 1,
      sample: async (variant) => order.push(variant),
    },
    async () => {},
  );
  expect(order).toEqual(["b", "a", "a", "b", "b", "a"]);
  expect(samples).toEqual({ a: [3, 6], b: [4, 5] });
});

describe("the table of goals", () => {
  const samples = {
    call: { bare: [10, 10], cni: [11, 11] },
    start: { bare: [100], bridge: [130], floor: [125], cni: [120], crowded: [121] },
    restart: { bare: [100], cni: [120], node: [20] },
    stop: { bare: [50], cni: [55] },
    life: { bare: [200], bridge: [270], floor: [230], cni: [260] },
    burst: { bare: [1000], floor: [1100], cni: [1500] },
    "beside cni": { bare: [150], cni: [185] },
    "beside bridge": { bare: [150], bridge: [195] },
  };
  const rows = rowsOf({ samples, peakMb: 55, burstSize: 20, crowd: 1000, neighbours: 240 });

  test("says which are reached", () => {
    expect(rows.map(({ reached }) => reached)).toEqual([
      true,
      true,
      true,
      false,
      true,
      false,
      true,
      true,
      true,
    ]);
  });

  test("says what was seen", () => {
    expect(rows[0]?.figure).toBe("+1.0 ms");
    expect(rows[1]?.figure).toContain("0.96 × the floor");
  });

  test("has a chart with a bar for each variant but the baseline of Node", () => {
    const svg = chart(samples);
    expect(svg.match(/<rect/g)).toHaveLength(4 + 2 + 2 + 4);
    expect(svg).not.toContain(">node<");
  });
});
