import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readBundle, writeSpec } from "../../src/oci/bundle.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-bundle-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

test("a bundle is read with its bytes kept", () => {
  writeFileSync(join(dir, "config.json"), '{ "ociVersion": "1.0.2" }');
  const bundle = readBundle(dir);
  expect(bundle).toEqual({
    dir,
    spec: { ociVersion: "1.0.2" },
    original: '{ "ociVersion": "1.0.2" }',
  });
});

test.each([
  { title: "has no config.json", text: undefined, message: /cannot read .*config\.json: ENOENT/ },
  {
    title: "has a config.json that is cut off",
    text: '{"a":',
    message: /config\.json is not JSON/,
  },
  { title: "has a list for a config.json", text: "[]", message: /holds no JSON object/ },
  { title: "has null for a config.json", text: "null", message: /holds no JSON object/ },
])("a bundle that $title is refused by name", ({ text, message }) => {
  if (text !== undefined) writeFileSync(join(dir, "config.json"), text);
  expect(() => readBundle(dir)).toThrow(message);
});

test("a written spec keeps the file's mode and leaves no temporary file", () => {
  writeFileSync(join(dir, "config.json"), "{}");
  chmodSync(join(dir, "config.json"), 0o640);
  writeSpec(readBundle(dir), '{"new":true}');
  expect(readFileSync(join(dir, "config.json"), "utf8")).toBe('{"new":true}');
  expect(statSync(join(dir, "config.json")).mode & 0o777).toBe(0o640);
  expect(readdirSync(dir)).toEqual(["config.json"]);
});

test("a spec that cannot be written says where, and the folder is as it was", () => {
  writeFileSync(join(dir, "config.json"), "{}");
  const bundle = readBundle(dir);
  rmSync(join(dir, "config.json"));
  expect(() => writeSpec(bundle, "{}")).toThrow(/cannot write .*config\.json: ENOENT/);
  expect(readdirSync(dir)).toEqual([]);
});
