import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeOutput } from "../../src/cli/output-file.ts";
import { describeError } from "../../src/lib/errors.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-output-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

test("the file is replaced, and nothing stays beside it", () => {
  writeFileSync(join(dir, "out"), "old");
  writeOutput(join(dir, "out"), "new");
  expect(readFileSync(join(dir, "out"), "utf8")).toBe("new");
  expect(readdirSync(dir)).toEqual(["out"]);
});

test("what somebody put in the way is not written through", () => {
  writeFileSync(join(dir, "theirs"), "theirs");
  symlinkSync("theirs", join(dir, `.out.${process.pid}.new`));
  expect(() => writeOutput(join(dir, "out"), "new")).toThrow(/cannot write .*out: EEXIST/);
  expect(readFileSync(join(dir, "theirs"), "utf8")).toBe("theirs");
});

test.each([{ option: "--output" }, { option: "--junit" }])(
  "what cannot be written is told with the option $option",
  ({ option }) => {
    const told = (() => {
      try {
        return writeOutput(join(dir, "none/out"), "new", { option });
      } catch (error) {
        return describeError(error);
      }
    })();
    expect(told).toMatch(new RegExp(`cannot write .*/none/out: ENOENT .*with: ${option} FILE\\)$`));
  },
);
