import { assert, json as anyJson, property } from "fast-check";
import { expect, test } from "vitest";
import { indented } from "../../src/oci/json-lines.ts";

test("JSON is written as JSON.stringify indents it, whatever it is", () => {
  assert(
    property(anyJson(), (json) => {
      const value: unknown = JSON.parse(json);
      expect(indented(JSON.stringify(value))).toBe(`${JSON.stringify(value, null, 2)}\n`);
    }),
  );
});

test("numbers and strings stay as they are written", () => {
  const json = String.raw`{"core":18446744073709551615,"e":1.0E+2,"s":"\u0041 {\"[,:"}`;
  expect(indented(json)).toBe(
    String.raw`{
  "core": 18446744073709551615,
  "e": 1.0E+2,
  "s": "\u0041 {\"[,:"
}
`,
  );
});
