import { expect, test } from "vitest";
import { tableOf, wordsOf } from "../../src/lib/iptables-save.ts";

test("a table is what stands between its name and COMMIT", () => {
  const lines = ["*nat", ":A - [0:0]", "COMMIT", "*filter", "-A B -j C", "COMMIT"];
  expect(tableOf(lines, "filter")).toEqual(["-A B -j C"]);
  expect(tableOf(lines, "raw")).toEqual([]);
});

test("a word in quotation marks is one, without them", () => {
  const line = String.raw`-A C -m comment --comment "name: \"lan\" id: \"c1\"" -j D`;
  expect(wordsOf(line)).toEqual([
    ..."-A C -m comment --comment".split(" "),
    'name: "lan" id: "c1"',
    "-j",
    "D",
  ]);
});
