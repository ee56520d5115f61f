import { describe, expect, test } from "vitest";
import { describeResult, describeSkipped, describeSum } from "../../src/prove/report.ts";
import type { Result } from "../../src/prove/run.ts";

const SIGNS = { ok: "✓", note: "!", fail: "✗", skip: "-" };
const add: Result = { name: "add", status: "ok", detail: "10.1.0.2/24", ms: 12 };

describe("the table of a test", () => {
  test("has a line for each check, 80 columns wide", () => {
    const [line = ""] = describeResult(add, SIGNS);
    expect(line).toMatch(/^✓ add {15}10\.1\.0\.2\/24 +12 ms$/);
    expect(line.length).toBe(80);
  });

  test.each([
    { what: "words", detail: "a few words ".repeat(20) },
    { what: "a word longer than a line", detail: "x".repeat(300) },
    { what: "lines", detail: "one\ntwo\r\nthree" },
  ])("breaks $what at 80 columns", ({ detail }) => {
    const lines = describeResult({ ...add, status: "fail", detail, hint: detail }, SIGNS);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines.join("")).not.toContain("\n");
  });

  test("tells of checks together that were skipped for one reason", () => {
    const skipped = ["port-hairpin", "port-from-peer"].map((name): Result => ({
      name,
      status: "skip",
      detail: "no ports",
      ms: 0,
    }));
    expect(describeSkipped(skipped, SIGNS)).toEqual(["- port-hairpin, port-from-peer: no ports"]);
  });

  test("ends with how many came out how", () => {
    const results: Result[] = [
      add,
      { ...add, status: "note" },
      { ...add, status: "fail" },
      { ...add, status: "skip" },
    ];
    const report = { network: "lan", plugins: [], results, times: [], kept: [] };
    expect(describeSum([report])).toBe("2 passed, 1 of them with a note, 1 failed, 1 skipped");
  });
});
