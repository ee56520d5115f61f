import { describe, expect, test } from "vitest";
import { read } from "./pages.ts";

interface Bench {
  machine: { cores: number; date: string };
  effort: { rounds: number; calls: number; bursts: number };
  rows: { what: string; figure: string; reached: boolean }[];
}

describe("the table of docs/speed.md", () => {
  const bench: Bench = JSON.parse(read("docs/bench.json"));
  const page = read("docs/speed.md");
  const table = page.slice(page.indexOf("## What is reached")).match(/^\| .*$/gm) ?? [];
  const rows = table
    .slice(2)
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .map(([, what, , seen = "", , reached = ""], place) => {
      return { what, seen, reached, row: bench.rows[place] };
    });

  test("has a row for each of docs/bench.json", () => {
    expect(rows).toHaveLength(bench.rows.length);
  });

  test.each(rows)("tells of $what what was measured: $seen", ({ seen, reached, row }) => {
    const measured = row?.figure.match(/\d+(\.\d+)?/g)?.map(Number) ?? [];
    const told = seen.match(/\d+(\.\d+)?/g) ?? [];
    const unknown = told.filter((number) => {
      const digits = number.split(".")[1]?.length ?? 0;
      return !measured.some((each) => each.toFixed(digits) === number);
    });
    expect(told).not.toEqual([]);
    expect(unknown).toEqual([]);
    expect(reached).toBe(row?.reached === true ? "reached" : "missed");
  });

  test("says when, where and with what effort that was", () => {
    const { rounds, calls, bursts } = bench.effort;
    const text = page.replaceAll(/\s+/g, " ");
    expect(text).toContain(`(${rounds} rounds, ${calls} calls, ${bursts} bursts)`);
    expect(text).toContain(
      `on ${bench.machine.date.slice(0, 10)} on a machine with ${bench.machine.cores} cores`,
    );
  });
});
