import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { headings, pages, prose } from "./pages.ts";

interface Link {
  page: string;
  target: string;
}

const links: Link[] = pages.flatMap((page) =>
  [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => ({ page, target })),
);

/** What is wrong with a link; undefined when it leads somewhere. */
function problemOf({ page, target }: Link): string | undefined {
  const [path = "", anchor] = target.split("#");
  const file = path === "" ? page : normalize(join(dirname(page), path));
  if (!existsSync(join(import.meta.dirname, "../..", file))) return "no such file";
  if (anchor === undefined) return undefined;
  return headings(file).some((heading) => heading.anchor === anchor)
    ? undefined
    : "no such heading";
}

describe("the pages", () => {
  test("link only to files and headings that exist", () => {
    const relative = links.filter(({ target }) => !/^\w+:/.test(target));
    expect(relative.length).toBeGreaterThan(50);
    const broken = relative.filter((link) => problemOf(link) !== undefined);
    expect(broken).toEqual([]);
  });

  test.each([
    [{ page: "README.md", target: "docs/nothing.md" }, "no such file"],
    [{ page: "docs/state.md", target: "#no-such-heading" }, "no such heading"],
    [{ page: "docs/state.md", target: "configuration.md#keep_for" }, undefined],
    [{ page: "docs/state.md", target: "../README.md#quick-start" }, undefined],
  ])("are checked for it: %o is %s", (link, problem) => {
    expect(problemOf(link)).toBe(problem);
  });

  test("of docs/ are all in its index", () => {
    const index = links.filter(({ page }) => page === "docs/README.md");
    const inIndex = new Set(index.map(({ target }) => normalize(join("docs", target))));
    const others = pages.filter((page) => page.startsWith("docs/") && page !== "docs/README.md");
    expect(others.filter((page) => !inIndex.has(page))).toEqual([]);
  });
});
