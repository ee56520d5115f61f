import { assert, json, property } from "fast-check";
import { expect, test } from "vitest";
import { parseNetworkList } from "../../src/cni/index.ts";
import { describeJsonFault } from "../../src/cni/json-fault.ts";

test.each([
  [
    "a comma behind the last member",
    '{\n  "a": 1,\n}',
    'line 3, column 1: "}" is not expected there',
  ],
  ["a comma that is missing", '{"a": 1\n "b": 2}', 'line 2, column 2: "b" is not expected there'],
  ["a comment", "{ // here\n}", 'line 1, column 3: "/" is not expected there'],
  ["a name without quotes", "{name: 1}", 'line 1, column 2: "name" is not expected there'],
  ["a word that is none", '{"a": True}', 'line 1, column 7: "True" is not expected there'],
  ["a number that is none", '{"a": 01}', 'line 1, column 7: "01" is not expected there'],
  ["single quotes", "{'a': 1}", `line 1, column 2: "'" is not expected there`],
  ["a bracket of the other kind", '{"a": [1}', 'line 1, column 9: "}" is not expected there'],
  ["two documents", "{}\n{}", 'line 2, column 1: "{" is not expected there'],
  ["a file cut short", '{"a": [', "line 1, column 8: it ends there, and is not complete"],
  [
    "a string over two lines",
    '{"a": "b\nc"}',
    "line 1, column 7: the string does not end in its line, or holds a bad escape",
  ],
])("%s has its place", (_, text, expected) => {
  expect(describeJsonFault(text)).toBe(expected);
  expect(() => parseNetworkList(text)).toThrow(`it is not JSON: ${expected}`);
});

test("a byte order mark is named", () => {
  expect(() => parseNetworkList('\uFEFF{"name":"a"}')).toThrow("byte order mark (BOM)");
});

test("what is JSON has no fault before its end, and one where something follows", () => {
  assert(
    property(json(), (text) => {
      expect(describeJsonFault(text)).toMatch(/it ends there/);
      expect(describeJsonFault(`${text} ]`)).toMatch(/"]" is not expected there/);
    }),
  );
});
