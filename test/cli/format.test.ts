import { expect, test } from "vitest";
import { formatter } from "../../src/cli/format.ts";

const value = {
  name: "web",
  networks: [{ a: 1 }],
  addresses: ["1", "2"],
  sub: { id: 7 },
  no: null,
};

test.each([
  ["json", JSON.stringify(value)],
  ["{{.Name}}", "web"],
  [String.raw`{{ .name }}\t{{.Sub.ID}}`, "web\t7"],
  ["{{json .Networks}}", '[{"a":1}]'],
  ["{{.Networks}}", '[{"a":1}]'],
  ["{{.Addresses}}", "1,2"],
  ['{{join .Addresses " "}}!', "1 2!"],
  ["{{upper .Name}}", "WEB"],
  ["{{.No}}{{.No.Deeper}}", ""],
  ["{{json .}}", JSON.stringify(value)],
  ["plain", "plain"],
])("%s gives %s", (template, shown) => {
  expect(formatter(template)(value)).toBe(shown);
});

test.each([
  ["{{.Nothing}}", /cannot show \.Nothing/],
  ["{{range .Networks}}x{{end}}", /cannot show \{\{range \.Networks\}\}/],
  ["{{}}", /cannot show \{\{\}\}/],
])("%s is refused", (template, message) => {
  expect(() => formatter(template)(value)).toThrow(message);
});
