import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { pages, read, sources } from "./pages.ts";

const root = join(import.meta.dirname, "../..");

/** The groups of all matches on a page, code blocks included. */
const found = (page: string, pattern: RegExp) =>
  [...read(page).matchAll(pattern)].map(([, group = ""]) => group);

describe.each(pages)("%s", (page) => {
  test("names only npm scripts that exist", () => {
    const { scripts }: { scripts: Record<string, string> } = JSON.parse(read("package.json"));
    const named = found(page, /\bnpm (?:run )?((?:test|bench|demo|check|build|package)[:\w]*)/g);
    expect(named.filter((script) => scripts[script] === undefined)).toEqual([]);
  });

  test("names only files of the repository that exist", () => {
    const named = found(
      page,
      /`((?:bench|bin|config|hooks|packaging|src|systemd|test)\/[\w./-]+)/g,
    );
    // The page about the folders of src is compared with them below.
    const checked = named.filter((name) => !/^src\/\w+$/.test(name));
    expect(checked.filter((name) => !existsSync(join(root, name)))).toEqual([]);
  });
});

test("docs/architecture.md tells what is in each folder", () => {
  const inTable = found("docs/architecture.md", /^\| `([\w./-]+)`/gm);
  const folders = readdirSync(join(root, "src"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `src/${name}`);
  const others = ["bench", "bin", "config", "hooks", "packaging", "systemd", "test"];
  expect([...folders, ...others].filter((folder) => !inTable.includes(folder))).toEqual([]);
});

test("docs/state.md shows only files that the program or its scripts know", () => {
  const [tree = ""] = /## The tree\n(.*?)\n## /s.exec(read("docs/state.md")) ?? [];
  const names = [...tree.matchAll(/^ {4,}([\w./-]+?)\/?(?:<.*?>)?\/? {2,}/gm)].map(
    ([, path = ""]) => path.split("/").findLast((part) => part !== "") ?? "",
  );
  const files = [...sources("src/**/*.ts"), ...sources("hooks/*"), ...sources("bin/*")];
  const text = files.map((file) => read(file)).join("\n");
  const unknown = names.filter((name) => !new RegExp(`["'\`/]${name}["'\`/) ]`).test(text));
  expect(names.length).toBeGreaterThan(12);
  expect(unknown).toEqual([]);
});
