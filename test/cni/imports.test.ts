import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { tempDir } from "./harness.ts";

const root = join(import.meta.dirname, "../..");

/** Each line is linted in a file of its own, under the project's own rules. */
const imports: readonly [file: string, line: string, allowed: boolean][] = [
  ["src/cni/a.ts", 'import "./b.ts";', true],
  ["src/cni/a.ts", 'import "./plugin/index.ts";', true],
  ["src/cni/a.ts", 'import "node:fs";', true],
  ["src/cni/a.ts", 'import "node:fs/promises";', true],
  ["src/cni/a.ts", 'import "../log.ts";', false],
  ["src/cni/a.ts", 'import "../oci/spec.ts";', false],
  ["src/cni/a.ts", 'import "zod";', false],
  ["src/cni/a.ts", 'import "zod/mini";', false],
  ["src/cni/a.ts", 'import type { Config } from "../config/schema.ts";', false],
  ["src/cni/a.ts", 'export { log } from "../log.ts";', false],
  ["src/cni/a.ts", 'const log = await import("../log.ts");', false],
  ["src/cni/plugin/a.ts", 'import "./b.ts";', true],
  ["src/cni/plugin/a.ts", 'import "../errors.ts";', true],
  ["src/cni/plugin/a.ts", 'import "node:fs";', true],
  ["src/cni/plugin/a.ts", 'import "../../log.ts";', false],
  ["src/cni/plugin/a.ts", 'import "../../oci/spec.ts";', false],
  ["src/cni/plugin/a.ts", 'import "zod";', false],
  ["src/log.ts", 'import "./cni/index.ts";', true],
];

test("the linter lets the CNI library import nothing but its own files and Node's modules", () => {
  const dir = tempDir();
  cpSync(join(root, ".oxlintrc.json"), join(dir, ".oxlintrc.json"));
  symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
  const linted = imports.map(([file, line, allowed], index) => {
    const path = join(dir, dirname(file), `case-${index}.ts`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${line}\n`);
    return { path, line: `${file}: ${line}`, allowed };
  });

  const reported = restricted(dir);

  const refused = linted.filter(({ path }) => reported.some((file) => path.endsWith(file)));
  expect(refused.map(({ line }) => line)).toEqual(
    linted.filter(({ allowed }) => !allowed).map(({ line }) => line),
  );
});

/** The files in which the linter reports an import that is not allowed. */
function restricted(dir: string): string[] {
  const oxlint = join(root, "node_modules/.bin/oxlint");
  const { stdout } = spawnSync(oxlint, ["--format=json", "src"], { cwd: dir, encoding: "utf8" });
  const report: { diagnostics: { code: string; filename: string }[] } = JSON.parse(stdout);
  return report.diagnostics
    .filter(({ code }) => code === "eslint(no-restricted-imports)")
    .map(({ filename }) => filename);
}
