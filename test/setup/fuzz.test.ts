import * as fc from "fast-check";
import { expect, test } from "vitest";
import { readDaemonJson, withoutRuntime, withRuntime } from "../../src/setup/daemon-json.ts";

const FILE = "/etc/docker/daemon.json";
const runtime = { path: "/usr/bin/docker-cni", runtimeArgs: ["--config", "/c.yaml", "--"] };

const keys = fc.oneof(fc.string(), fc.constantFrom("debug", "features", "labels", '"', "//", "}"));
const runtimes = fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.jsonValue());
const documents = fc
  .record({
    others: fc.dictionary(keys, fc.jsonValue(), { minKeys: 1 }),
    runtimes: fc.option(runtimes, { nil: undefined }),
    isFirst: fc.boolean(),
  })
  .map(({ others, runtimes: present, isFirst }): Record<string, unknown> => {
    const own: [string, unknown][] = present === undefined ? [] : [["runtimes", present]];
    const rest: [string, unknown][] = Object.entries(others).filter(
      ([key]) => !/^(runtimes|default-runtime)$/.test(key),
    );
    return Object.fromEntries(isFirst ? own.concat(rest) : rest.concat(own));
  })
  .filter((value) => Object.keys(value).length > 0 && !Object.hasOwn(value, "__proto__"));
const layouts = fc.record({
  indent: fc.constantFrom("", "  ", "    ", "\t", " "),
  eol: fc.constantFrom("\n", "\r\n"),
  end: fc.constantFrom("", "\n", "\n\n", " "),
  bom: fc.constantFrom("", "\uFEFF"),
  makeDefault: fc.boolean(),
});

test("whatever daemon.json is like, the runtime comes in and goes again, and nothing else changes", () => {
  fc.assert(
    fc.property(documents, layouts, (value, { indent, eol, end, bom, makeDefault }) => {
      const text =
        JSON.stringify(value, null, indent).replaceAll("\n", eol) + end.replace("\n", eol);
      const before = Buffer.from(bom + text);
      const after = withRuntime(before, FILE, { name: "docker-cni", runtime, makeDefault });
      const json = readDaemonJson(after, FILE);
      expect(json.runtimes["docker-cni"]).toEqual(runtime);
      expect(json.defaultRuntime).toBe(makeDefault ? "docker-cni" : undefined);
      expect(json.hasComments).toBe(false);
      const gone = withoutRuntime(after, FILE, {
        name: "docker-cni",
        keep: false,
        dropEmpty: !Object.hasOwn(value, "runtimes"),
        previousDefault: makeDefault ? null : undefined,
      });
      expect(Buffer.from(gone).toString()).toBe(before.toString());
    }),
    { numRuns: 1000 },
  );
});
