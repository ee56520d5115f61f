import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { linesFromEnd } from "../../src/cli/lines.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-lines-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

function write(text: string): string {
  const file = join(dir, "log");
  writeFileSync(file, text);
  return file;
}

describe("the lines of a file from its end", () => {
  test.each([
    ["of a file that ends with a line", "a\nbb\nccc\n", ["ccc", "bb", "a"]],
    ["of a file that was cut off", "a\nbb\ncc", ["cc", "bb", "a"]],
    ["with characters of several bytes", "grün\n接口一\n€\n", ["€", "接口一", "grün"]],
    ["without those that are empty", "\na\n\n\nb\n\n", ["b", "a"]],
    ["of an empty file", "", []],
  ])("%s, whatever the size of a block", (_, text, lines) => {
    const file = write(text);
    for (const block of [1, 2, 3, 4, 5, 7, 64]) {
      expect([...linesFromEnd(file, { block })]).toEqual(lines);
    }
  });

  test("without one that is longer than may be", () => {
    const file = write(`first\n${"x".repeat(100)}\nlast\n`);
    expect([...linesFromEnd(file, { block: 8, longest: 50 })]).toEqual(["last", "first"]);
  });

  test("of no file are none", () => {
    expect([...linesFromEnd(join(dir, "none"))]).toEqual([]);
  });

  test("read no more of a large file than is asked for", () => {
    const line = `${"x".repeat(99)}\n`;
    const file = write(`${line.repeat(400_000)}the last\n`);
    const before = process.memoryUsage.rss();
    const [last] = linesFromEnd(file);
    expect(last).toBe("the last");
    expect(process.memoryUsage.rss() - before).toBeLessThan(8 * 1024 * 1024);
  });
});
