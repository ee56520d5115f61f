import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { effectiveCniArgs } from "../../src/cni/args.ts";
import { formatCniArgs, parseCniArgs } from "../../src/cni/index.ts";
import { thrown } from "./harness.ts";

describe("CNI_ARGS", () => {
  test("is empty without arguments", () => {
    expect(formatCniArgs([])).toBe("");
    expect(parseCniArgs("")).toEqual([]);
  });

  test.each([
    ["a key with =", [["A=B", "1"]], 'invalid key "A=B"'],
    ["a key with ;", [["A;B", "1"]], 'invalid key "A;B"'],
    ["an empty key", [["", "1"]], 'invalid key ""'],
    ["a value with =", [["A", "b=c"]], 'invalid value "b=c" of A'],
    ["a value with ;", [["A", "b;c"]], 'invalid value "b;c" of A'],
    ["a value with a NUL", [["A", "b\0"]], 'invalid value "b\\u0000" of A'],
  ] as const)("refuses %s", (_, args, text) => {
    expect(thrown(() => formatCniArgs(args))).toMatchObject({ kind: "invalid", code: 4 });
    expect(thrown(() => effectiveCniArgs(args)).message).toContain(text);
  });

  test.each(["A", "A=1;", ";", "A=1=2", "=1"])("cannot be read from %j", (text) => {
    expect(thrown(() => parseCniArgs(text)).kind).toBe("invalid");
  });

  test("has IgnoreUnknown=1 in front, but for callers that say it themselves or say nothing", () => {
    expect(effectiveCniArgs([["IP", "10.0.0.2"]])).toEqual([
      ["IgnoreUnknown", "1"],
      ["IP", "10.0.0.2"],
    ]);
    expect(
      effectiveCniArgs([
        ["A", "1"],
        ["IgnoreUnknown", "0"],
      ]),
    ).toEqual([
      ["A", "1"],
      ["IgnoreUnknown", "0"],
    ]);
    expect(effectiveCniArgs([])).toEqual([]);
  });

  const text = fc.string({ unit: "binary", maxLength: 20 });

  test("reads back as it was written", () => {
    const clean = text.filter((value) => !/[;=\0]/.test(value));
    const key = clean.filter((value) => value !== "");
    fc.assert(
      fc.property(fc.array(fc.tuple(key, clean)), (args) => {
        expect(parseCniArgs(formatCniArgs(args))).toEqual(args);
      }),
    );
  });

  test("is never written with a character that separates", () => {
    const dirty = fc
      .tuple(text, fc.constantFrom(";", "=", "\0"), text)
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(dirty, text, (bad, good) => {
        expect(thrown(() => formatCniArgs([[bad, good]])).kind).toBe("invalid");
        expect(
          thrown(() => formatCniArgs([[`K${good.replaceAll(/[;=\0]/g, "")}`, bad]])).kind,
        ).toBe("invalid");
      }),
    );
  });
});
