import { expect, test } from "vitest";
import { table } from "../../src/cli/table.ts";
import {
  colouredChange,
  isFancy,
  isObedient,
  render,
  spinner,
  style,
  symbol,
  TAB,
  unstyled,
} from "../../src/cli/terminal.ts";

test.each([
  { isTTY: true, env: {}, fancy: true },
  { isTTY: false, env: {}, fancy: false },
  { isTTY: true, env: { NO_COLOR: "1" }, fancy: false },
  { isTTY: true, env: { NO_COLOR: "" }, fancy: true },
  { isTTY: true, env: { TERM: "dumb" }, fancy: false },
])("colours are for a terminal that has them: %o", ({ isTTY, env, fancy }) => {
  expect(isFancy({ isTTY }, env)).toBe(fancy);
});

test.each([
  { isTTY: true, env: { NO_COLOR: "1" }, obedient: true },
  { isTTY: true, env: { TERM: "dumb" }, obedient: false },
  { isTTY: false, env: {}, obedient: false },
])("who wants no colours may still have the screen cleared: %o", ({ isTTY, env, obedient }) => {
  expect(isObedient({ isTTY }, env)).toBe(obedient);
});

test("a colour is what style says, and what others write is escaped", () => {
  const text = `${style("a\u001b[31mb", "green", true)} \u001b[2J\n`;
  expect(render(text)).toBe("\u001b[32ma\\u001b[31mb\u001b[0m \\u001b[2J\n");
  expect(unstyled(text)).toBe("a\u001b[31mb \u001b[2J\n");
  expect(render(style("plain", "red", false))).toBe("plain");
  expect(render(`${TAB}a\tb`)).toBe("\ta\\u0009b");
  expect((["ok", "warning", "error"] as const).map((each) => unstyled(symbol(each)))).toEqual([
    "✓",
    "!",
    "✗",
  ]);
});

test("a line of a diff has the colour of what it does, and its tabulators", () => {
  const lines = ["+\ta", "-b\u001b[2J", " c"].map((line) => render(colouredChange(line, true)));
  expect(lines).toEqual(["\u001b[32m+\ta\u001b[0m", "\u001b[31m-b\\u001b[2J\u001b[0m", " c"]);
});

test("columns with colours stay below each other", () => {
  const rows = [
    ["STATE", "NAME"],
    [style("ok", "green", true), "a"],
    ["broken", "b"],
  ];
  expect(table(rows).map(unstyled)).toEqual(["STATE   NAME", "ok      a", "broken  b"]);
});

test("a spinner turns on a terminal alone, fits into a line of it, and leaves nothing there", () => {
  let written = "";
  const stream = { isTTY: true, columns: 20, write: (text: string) => (written += text) };
  const turning = spinner("one\u001b[2J", stream, {});
  turning.say("two with a very long text behind it");
  turning.stop();
  expect(written).toContain("one\\u001b[2J");
  const lines = written.split("\r\u001b[K");
  expect(lines.every((line) => line.length <= 20)).toBe(true);
  expect(lines.at(-1)).toBe("");
  written = "";
  spinner("one", { ...stream, isTTY: false }, {}).stop();
  expect(written).toBe("");
});
