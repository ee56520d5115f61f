import { describe, expect, test } from "vitest";
import { readDaemonJson, withoutRuntime, withRuntime } from "../../src/setup/daemon-json.ts";
import { TEXTS } from "./texts.ts";

const runtime = { path: "/usr/bin/docker-cni" };
const FILE = "/etc/docker/daemon.json";

function edit(text: string, makeDefault = false): string {
  const after = withRuntime(Buffer.from(text), FILE, { name: "cni", runtime, makeDefault });
  return Buffer.from(after).toString();
}

describe("daemon.json as it is found", () => {
  test.each(TEXTS)("$title: only the runtime comes in", ({ text, inserted }) => {
    const after = edit(text.replace(/[§¶]/g, ""));
    expect(after).toBe(text.replace("¶", ",").replace("§", () => inserted));
    expect(readDaemonJson(Buffer.from(after), FILE).runtimes["cni"]).toEqual(runtime);
    expect(edit(after)).toBe(after);
  });

  const withKeys = TEXTS.filter(({ text }) => text.includes(":"));
  test.each(withKeys)("$title: what was written later stays when the runtime goes", ({ text }) => {
    const original = text.replace(/[§¶]/g, "");
    const gone = withoutRuntime(Buffer.from(edit(original)), FILE, {
      name: "cni",
      keep: false,
      dropEmpty: !original.includes('"runtimes"'),
      previousDefault: undefined,
    });
    expect(Buffer.from(gone).toString()).toBe(original);
  });
});

test("runtimes that are null are replaced", () => {
  expect(edit('{\n  "runtimes": null,\n  "debug": true\n}\n')).toBe(
    '{\n  "runtimes": {\n    "cni": {\n      "path": "/usr/bin/docker-cni"\n    }\n  },\n  "debug": true\n}\n',
  );
});

test.each([
  ['{\n  "debug": true\n}\n', ',\n  "default-runtime": "cni"\n}\n'],
  [
    '{\n  "default-runtime": "nvidia", "runtimes": {"nvidia": {"path": "/n"}}\n}\n',
    '  "default-runtime": "cni", "runtimes": {"nvidia": {"path": "/n"}, "cni"',
  ],
])("the default runtime of %j is set, and set back", (text, contained) => {
  const after = edit(text, true);
  expect(after).toContain(contained);
  const previousDefault = text.includes("nvidia") ? "nvidia" : null;
  const gone = withoutRuntime(Buffer.from(after), FILE, {
    name: "cni",
    keep: false,
    dropEmpty: true,
    previousDefault,
  });
  expect(Buffer.from(gone).toString()).toBe(text);
});

test.each([
  {
    title: "broken",
    text: '{\n  "debug": tru\n}\n',
    told: /^\/etc\/docker\/daemon\.json:2: it is not valid JSON/,
  },
  {
    title: "cut off",
    text: '{"a": 1',
    told: /daemon\.json:1: it is not valid JSON: CloseBraceExpected/,
  },
  { title: "with a comma too many", text: '{\n  "a": 1,\n}\n', told: /it is not valid JSON/ },
  { title: "an array", text: "[]", told: /it is not a JSON object/ },
  { title: "two objects", text: "{}{}", told: /it is not valid JSON/ },
  {
    title: "with runtimes twice",
    text: '{"runtimes":{},"runtimes":{}}',
    told: /has the key "runtimes" twice/,
  },
  {
    title: "with a list of runtimes",
    text: '{"runtimes":[]}',
    told: /its "runtimes" is not an object/,
  },
  {
    title: "with a default of another kind",
    text: '{"default-runtime":1}',
    told: /its "default-runtime" is not a text/,
  },
  { title: "in another encoding", text: "\u00ff\u00fe{\u0000}\u0000", told: /it is not UTF-8/ },
])("a file that is $title is refused", ({ title, text, told }) => {
  const bytes = Buffer.from(text, title.includes("encoding") ? "latin1" : "utf8");
  expect(() => withRuntime(bytes, FILE, { name: "cni", runtime, makeDefault: false })).toThrow(
    told,
  );
});

test.each(['{ "debug": true // c\n}', "{ // c\n}", '{"a":{},"runtimes":{"x":{} // c\n}}'])(
  "a comment at the end of a line swallows nothing: %j",
  (text) => {
    const { runtimes, text: after } = readDaemonJson(Buffer.from(edit(text, false)), FILE);
    expect(runtimes["cni"]).toBeDefined();
    expect(after).toContain("// c\n");
  },
);

test.each([
  ['{"a":1, // c\n"runtimes":{"cni":{}}}', { a: 1 }],
  ['{ // c\n"runtimes":{"cni":{}}}', {}],
  ['{"runtimes":{"cni":{}}, // c\n"a":1}', { a: 1 }],
])("neither when the runtime goes: %j", (text, left) => {
  const gone = withoutRuntime(Buffer.from(text), FILE, {
    name: "cni",
    keep: false,
    dropEmpty: true,
    previousDefault: undefined,
  });
  expect(readDaemonJson(gone, FILE).value).toEqual(left);
  expect(Buffer.from(gone).toString()).toContain("// c\n");
});
