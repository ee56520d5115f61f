import { describe, expect, test } from "vitest";
import { codeBlocks, pages, prose, read } from "./pages.ts";

describe("README.md is read in five minutes", () => {
  const lines = read("README.md").trimEnd().split("\n");

  test("it has at most 120 lines", () => {
    expect(lines.length).toBeLessThanOrEqual(120);
  });

  test("it fits into 110 columns, its tables into 100", () => {
    expect(lines.filter((line) => line.length > 110)).toEqual([]);
    expect(lines.filter((line) => line.startsWith("|") && line.length > 100)).toEqual([]);
  });

  test("it shows how the programs call each other as a picture", () => {
    expect(codeBlocks("README.md", "mermaid")).toHaveLength(1);
  });
});

/** Words that the pages do not use, and what they use instead. Messages and names in code are quoted as they are. */
const WORDS: [avoided: RegExp, instead: string][] = [
  [/\bfaults?\b/i, "error"],
  [/\bmend(s|ed)?\b/i, "fix"],
  [/\bcannot be told\b/i, "it is unknown whether"],
  [/\bkeeps? its hands off\b/i, "passes to runc unchanged"],
];

test.each(pages)("%s uses the standard words", (page) => {
  const text = prose(page)
    .replaceAll(/`[^`]*`/g, "")
    .replaceAll(/\s+/g, " ");
  const found = WORDS.filter(([avoided]) => avoided.test(text)).map(
    ([avoided, instead]) => `${avoided.source}: write "${instead}"`,
  );
  expect(found).toEqual([]);
});
