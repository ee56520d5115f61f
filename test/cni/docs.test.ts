import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import * as library from "../../src/cni/index.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/cni.md"), "utf8");

test("every name that the table promises exists", () => {
  const rows = [...page.matchAll(/^\| .*? \| (.*) \|$/gm)]
    .slice(1, 30)
    .map(([, cell]) => cell ?? "");
  const names = rows.flatMap((cell) =>
    [...cell.matchAll(/`(\w+)[(`]/g)].map(([, name]) => name ?? ""),
  );
  const cni = library.createCni({ pluginDirs: [] });
  const types = new Set(["PluginExec", "Result"]);
  const missing = names.filter((name) => !(name in cni) && !(name in library) && !types.has(name));
  expect(names.length).toBeGreaterThan(28);
  expect(missing).toEqual([]);
});
