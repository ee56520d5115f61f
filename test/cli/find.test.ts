import { describe, expect, test } from "vitest";
import { pickSandbox } from "../../src/cli/find.ts";
import { formatAge, table } from "../../src/cli/table.ts";
import type { SandboxView } from "../../src/sandbox/view.ts";

function view(id: string, name?: string): SandboxView {
  return {
    id,
    ...(name !== undefined && { name }),
    state: "running",
    record: {
      version: 1,
      id,
      state: "attached",
      netns: id,
      bootId: "b",
      createdAt: "2026-01-01T00:00:00Z",
      keep: true,
      runtimeDir: "/run/r",
      attachments: [],
    },
  };
}

const views = [view("aaa1", "web"), view("aab2", "db"), view("aab", "aaa1"), view("ccc3")];

describe("a container is named by", () => {
  test.each([
    { title: "its name", word: "web", id: "aaa1" },
    { title: "its whole id, which may begin another's", word: "aab", id: "aab" },
    { title: "the beginning of its id", word: "c", id: "ccc3" },
    { title: "its name before another's id", word: "aaa1", id: "aab" },
  ])("$title", ({ word, id }) => {
    expect(pickSandbox(views, word).id).toBe(id);
  });

  test.each([
    {
      title: "what several ids begin with",
      word: "aa",
      message: '"aa" may be aaa1 (web), aab2 (db)',
    },
    { title: "nobody's name", word: "nobody", message: 'no container "nobody" has a network' },
    { title: "nothing", word: "", message: 'no container "" has a network' },
  ])("not by $title", ({ word, message }) => {
    expect(() => pickSandbox(views, word)).toThrow(message);
  });
});

test("a table's columns stand below each other", () => {
  const rows = [
    ["NAME", "ID"],
    ["a-long-one", "1"],
    ["b", ""],
  ];
  expect(table(rows)).toEqual(["NAME        ID", "a-long-one  1", "b"]);
});

test.each([
  [-5, "0s"],
  [59_999, "59s"],
  [60_000, "1m"],
  [3_600_000, "1h"],
  [86_400_000 * 8, "8d"],
])("%s ms is an age of %s", (ms, age) => {
  expect(formatAge(ms)).toBe(age);
});
