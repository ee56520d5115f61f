import {
  appendFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readLog } from "../../src/cli/log-file.ts";

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-log-"));
  file = join(dir, "log");
});
afterEach(() => rmSync(dir, { recursive: true }));

async function all(options?: Parameters<typeof readLog>[1]): Promise<(string | undefined)[]> {
  const lines: (string | undefined)[] = [];
  for await (const line of readLog(file, options)) lines.push(line);
  return lines;
}

/** Follows the log, does each step when all before it was read, and gives the lines. */
async function followed(steps: readonly (() => void)[], fromEnd = false): Promise<string[]> {
  const lines: string[] = [];
  const left = [...steps];
  let isOver = false;
  for await (const line of readLog(file, { follow: true, fromEnd, isOver: () => isOver })) {
    if (line !== undefined) lines.push(line);
    else if (left.length > 0) left.shift()?.();
    else isOver = true;
  }
  return lines;
}

describe("the log", () => {
  test("that is not there has no lines", async () => {
    expect(await all()).toEqual([]);
  });

  test("is read from what the last rotation left on, without a line that is not whole", async () => {
    writeFileSync(`${file}.1`, "one\ntwo\n");
    writeFileSync(file, "three\nfo");
    expect(await all()).toEqual(["one", "two", "three"]);
    expect(await all({ fromEnd: true })).toEqual([]);
  });

  test("is read whatever the size of its lines, but for those of more than a megabyte", async () => {
    const long = "x".repeat(200_000);
    writeFileSync(file, `a\n${long}\n${"y".repeat(2_000_000)}\n\nb\n`);
    expect(await all()).toEqual(["a", long, "", "b"]);
  });

  test.each<{ what: string; steps: (() => void)[]; lines: string[] }>([
    {
      what: "is written to, also in parts",
      steps: [() => appendFileSync(file, "one\ntw"), () => appendFileSync(file, "o\n")],
      lines: ["zero", "one", "two"],
    },
    {
      what: "is rotated, and written to before and after",
      steps: [
        () => {
          appendFileSync(file, "one\n");
          renameSync(file, `${file}.1`);
          appendFileSync(`${file}.1`, "two\n");
        },
        () => writeFileSync(file, "three\n"),
        () => appendFileSync(file, "four\n"),
      ],
      lines: ["zero", "one", "two", "three", "four"],
    },
    {
      what: "is emptied in its place",
      steps: [() => truncateSync(file, 0), () => appendFileSync(file, "one\n")],
      lines: ["zero", "one"],
    },
    {
      what: "is removed, and made anew",
      steps: [() => rmSync(file), () => writeFileSync(file, "one\n")],
      lines: ["zero", "one"],
    },
  ])("is followed when it $what", async ({ steps, lines }) => {
    writeFileSync(file, "zero\n");
    expect(await followed(steps)).toEqual(lines);
    writeFileSync(file, "zero\n");
  });

  test("is followed from its end on, or from its beginning where there is none yet", async () => {
    writeFileSync(file, "old\n");
    expect(await followed([() => appendFileSync(file, "new\n")], true)).toEqual(["new"]);
    rmSync(file);
    expect(await followed([() => writeFileSync(file, "first\n")], true)).toEqual(["first"]);
  });
});
