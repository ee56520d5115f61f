import { expect, test } from "vitest";
import { compareVersions } from "../../src/cni/index.ts";
import { headings, pages, read } from "./pages.ts";

const { version }: { version: string } = JSON.parse(read("package.json"));

test("package.json has the version, and the lock file repeats it", () => {
  const lock: { version: string } = JSON.parse(read("package-lock.json"));
  expect(lock.version).toBe(version);
});

test("no page names a version in the names of the packages", () => {
  expect(pages.filter((page) => /docker-cni[_-]\d+\.\d+/.test(read(page)))).toEqual([]);
});

test("CHANGELOG.md begins with what is not released, and goes from the newest release to the oldest", () => {
  const [first, ...releases] = headings("CHANGELOG.md")
    .map(({ text }) => text.replaceAll(/[[\]]/g, ""))
    .filter((text) => /^(Unreleased|\d+\.\d+\.\d+\b)/.test(text));
  expect(first).toBe("Unreleased");
  const versions = releases.map((text) => text.split(" ")[0] ?? "");
  expect(versions.toSorted((a, b) => compareVersions(b, a))).toEqual(versions);
  expect(versions.filter((released) => compareVersions(released, version) > 0)).toEqual([]);
});
