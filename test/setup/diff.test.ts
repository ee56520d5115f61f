import { expect, test } from "vitest";
import { unifiedDiff } from "../../src/setup/diff.ts";

const bytes = (text: string): Buffer => Buffer.from(text);

test.each([
  {
    title: "a line",
    before: bytes("a\nb\n"),
    after: bytes("a\nc\n"),
    lines: ["--- /f", "+++ /f", "@@ -1,2 +1,2 @@", " a", "-b", "+c"],
  },
  {
    title: "a new file",
    before: undefined,
    after: bytes("a\n"),
    lines: ["--- /dev/null", "+++ /f", "@@ -0,0 +1,1 @@", "+a"],
  },
  {
    title: "a file without a newline at its end",
    before: bytes("a"),
    after: undefined,
    lines: ["--- /f", "+++ /dev/null", "@@ -1,1 +0,0 @@", "-a", "\\ No newline at end of file"],
  },
  { title: "nothing", before: bytes("a\n"), after: bytes("a\n"), lines: [] },
])("the diff of $title", ({ before, after, lines }) => {
  expect(unifiedDiff({ path: "/f", before, after })).toEqual(lines);
});
