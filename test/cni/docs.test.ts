import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import * as library from "../../src/cni/index.ts";
import { tempDir } from "./harness.ts";
import { testHost } from "./host.ts";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/cni.md"), "utf8");

function block(language: string): string {
  return new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(page)?.[1] ?? "";
}

test("the example of the documentation runs as it is printed", () => {
  const dir = tempDir();
  const host = testHost();
  mkdirSync(join(dir, "net.d"));
  writeFileSync(join(dir, "net.d/10-lan.conflist"), block("json").replace("/run/example", dir));
  writeFileSync(join(dir, "example.ts"), block("ts").replace("./src/cni", join(root, "src/cni")));

  const argv = [join(dir, "example.ts"), host.netns, join(dir, "net.d"), dir];
  const output = host.run(process.execPath, ...argv);

  expect(output).toBe("attached: 10.201.9.50/24 02:00:00:00:09:50\n");
  expect(host.links()).toEqual(["lan0"]);
});

test("every name that the table promises exists", () => {
  const rows = [...page.matchAll(/^\| .*?\| (.*) \|$/gm)]
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
