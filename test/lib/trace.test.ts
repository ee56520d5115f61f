import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { processTracer, readTrace, saveTrace, traced } from "../../src/lib/trace.ts";
import { unaccounted, waterfall } from "../../src/lib/waterfall.ts";

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("a tracer", () => {
  test("times what is done and what is waited for, in the order of the beginnings", async () => {
    const tracer = processTracer();
    const slow = tracer.time("slow", () => pause(20));
    expect(tracer.time("quick", () => 7)).toBe(7);
    await slow;
    const { stages, ms } = tracer.finish("create");
    expect(stages.map(({ name }) => name)).toEqual(["process start", "slow", "quick"]);
    expect(stages[1]?.ms).toBeGreaterThanOrEqual(15);
    expect(ms).toBeGreaterThanOrEqual((stages[1]?.start ?? 0) + 15);
  });

  test("has a stage for work that fails, and passes the fault on", async () => {
    const tracer = processTracer();
    await expect(tracer.time("bad", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(tracer.finish("create").stages.map(({ name }) => name)).toContain("bad");
  });

  test("lets a stage begin where the last one ended", () => {
    const tracer = processTracer();
    tracer.ended("next");
    const [first, second] = tracer.finish("delete").stages;
    expect(second?.start).toBeCloseTo((first?.start ?? 0) + (first?.ms ?? 0), 1);
  });

  test("takes down the methods that have a name, and leaves the others alone", () => {
    const tracer = processTracer();
    const target = { named: (a: number) => a + 1, other: () => "other", field: 3 };
    const copy = traced(tracer, target, { named: "a name" });
    expect([copy.named(1), copy.other(), copy.field]).toEqual([2, "other", 3]);
    expect(tracer.finish("create").stages.map(({ name }) => name)).toEqual([
      "process start",
      "a name",
    ]);
  });
});

describe("a trace in a folder", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "docker-cni-trace-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  test("is read as it was kept", () => {
    const trace = processTracer().finish("create");
    saveTrace(dir, trace);
    expect(readTrace(dir)).toEqual(trace);
  });

  test.each([
    ["there is none", undefined],
    ["it was cut off", '{"operation":'],
  ])("is undefined when %s", (_, text) => {
    if (text !== undefined) writeFileSync(join(dir, "trace.json"), text);
    expect(readTrace(dir)).toBeUndefined();
  });

  test("is not kept, and no fault, where the folder is gone", () => {
    expect(() => saveTrace(join(dir, "gone"), processTracer().finish("create"))).not.toThrow();
  });
});

describe("a waterfall", () => {
  const trace = {
    operation: "create",
    at: "2020-01-01T00:00:00.000Z",
    ms: 100,
    peakMb: 50,
    cpuMs: 20,
    stages: [
      { name: "first", start: 0, ms: 50 },
      { name: "beside it", start: 25, ms: 50 },
    ],
  } as const;

  test("has a bar for each stage at its place, and the rest", () => {
    const lines = waterfall({ ...trace, stages: [...trace.stages] });
    expect(lines[0]).toBe(
      "create at 2020-01-01T00:00:00.000Z: 100.0 ms, of them 20 ms CPU time of its own; 50 MB at most",
    );
    expect(lines[2]).toBe(`first          0.0     50.0  ${"█".repeat(20)}`);
    expect(lines[3]).toBe(`beside it     25.0     50.0  ${" ".repeat(10)}${"█".repeat(20)}`);
    expect(lines[4]).toBe("between                25.0");
  });

  test.each([
    ["stages overlap", [0, 50, 25, 50], 25],
    ["one lies in another", [0, 80, 10, 10], 20],
    ["there is a gap", [0, 10, 50, 10], 80],
  ])("counts time in no stage once when %s", (_, [a = 0, b = 0, c = 0, d = 0], left) => {
    const stages = [
      { name: "x", start: a, ms: b },
      { name: "y", start: c, ms: d },
    ];
    expect(unaccounted({ ...trace, stages })).toBe(left);
  });
});
