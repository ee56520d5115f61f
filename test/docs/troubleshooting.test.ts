import { describe, expect, test } from "vitest";
import { headings, prose, read, sources } from "./pages.ts";

const PAGE = "docs/troubleshooting.md";
const files = [...sources("src/**/*.ts"), ...sources("bin/*")];
const home = files.find((file) => read(file).includes("export type ErrorCode")) ?? "";

/** The codes of the type ErrorCode. */
const codes = [
  ...(/type ErrorCode =([^;]*);/.exec(read(home))?.[1] ?? "").matchAll(/"(\w+)"/g),
].map(([, code = ""]) => code);

/** Those that some code throws. */
const thrown = codes.filter((code) =>
  files.some((file) => file !== home && read(file).includes(`"${code}"`)),
);

const sections = headings(PAGE)
  .map(({ text }) => text)
  .filter((text) => /^[A-Z_]+$/.test(text));

describe("docs/troubleshooting.md", () => {
  test("has a section for every code that an error can have, and for no other", () => {
    expect(thrown.length).toBeGreaterThan(8);
    expect(thrown.filter((code) => !sections.includes(code))).toEqual([]);
    expect(sections.filter((section) => !codes.includes(section))).toEqual([]);
  });

  // What a list item begins with: messages in code, one after another, where … and digits stand for anything.
  const byMessage = prose(PAGE).split("## By symptom")[0] ?? "";
  const messages = [...byMessage.matchAll(/^- ((?:`[^`]+`,?\s*)+):/gm)].flatMap(([, spans = ""]) =>
    [...spans.matchAll(/`([^`]+)`/g)].map(([, message = ""]) => message),
  );
  // A message that goes on in the next line of the source is one.
  const text = files.map((file) => read(file).replaceAll(/[`"] \+\s+[`"]/g, "")).join("\n");

  test.each(messages)("quotes a message as the program has it: %s", (message) => {
    const pieces = message
      .split(/…|\d+/)
      .map((piece) => piece.replace(/^cni\.yaml:/, "").replace(/^\W+|\W+$/g, ""))
      .filter((piece) => /\w{3}/.test(piece));
    expect(pieces.filter((piece) => !text.includes(piece))).toEqual([]);
  });

  test("quotes messages for every code", () => {
    expect(messages.length).toBeGreaterThan(2 * sections.length);
  });
});
