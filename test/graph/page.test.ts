import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toHtml } from "../../src/graph/html.ts";
import { layOut } from "../../src/graph/layout.ts";
import type { Graph } from "../../src/graph/model.ts";
import { graphWith, HOSTILE } from "./facts.ts";

const hasChromium = spawnSync("chromium", ["--version"]).status === 0;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-page-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** What the page has become in a browser. */
async function open(graph: Graph, hash = ""): Promise<string> {
  const file = join(dir, "page.html");
  writeFileSync(file, toHtml(graph, await layOut(graph), "now"));
  const own = ["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${dir}/profile`];
  const { stdout } = spawnSync("chromium", [...own, "--dump-dom", `file://${file}${hash}`], {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

const groups = (dom: string, word: string): number =>
  [...dom.matchAll(/<g class="([^"]*)" data-id/g)].filter(([, classes = ""]) =>
    classes.split(" ").includes(word),
  ).length;

test("the page names nothing that is elsewhere, and lets in no script but its own", async () => {
  const graph = graphWith(3);
  const html = toHtml(graph, await layOut(graph), "now");
  expect(html.replaceAll('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(
    /https?:|src=|@import|url\(/,
  );
  expect(html).toMatch(
    /default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-[\w+/]{43}='/,
  );
});

describe.skipIf(!hasChromium)("in a browser (needs chromium)", () => {
  test.each([3, 30, 300])("%i containers are on the page", { timeout: 60_000 }, async (count) => {
    const dom = await open(graphWith(count));
    expect(groups(dom, "container")).toBe(count);
    expect(groups(dom, "network")).toBe(3);
    expect(dom).toContain(`${count} containers`);
  });

  test(
    "a search dims all else, and shows the details of what alone fits",
    { timeout: 60_000 },
    async () => {
      const dom = await open(graphWith(30), "#search=10.8.0.24");
      expect([groups(dom, "hit"), groups(dom, "dimmed")]).toEqual([1, 36]);
      expect(dom).toContain('<aside id="details"><h2>web-22</h2><p>container</p><dl>');
      expect(dom).toContain("<dt>MAC</dt><dd>02:00:00:00:00:01</dd>");
      expect(dom).toContain("1 of 37");
    },
  );

  test(
    "a name made to run as a script is shown, and does not run",
    { timeout: 60_000 },
    async () => {
      const dom = await open(
        graphWith(1, () => HOSTILE),
        "#search=10.9.0.2",
      );
      expect(dom).toContain("<h2>&lt;/script&gt;&lt;b&gt;&lt;img src=x onerror=");
      expect(dom).not.toContain("<title>pwned</title>");
    },
  );
});
