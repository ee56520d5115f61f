import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { parseNetworkList } from "../../src/cni/index.ts";
import { parseConfig } from "../../src/config/load.ts";
import { configSchema, knownKeys } from "../../src/config/schema.ts";
import { codeBlocks, headings, pages, prose, read } from "./pages.ts";

const examples = (language: string) =>
  pages.flatMap((page) => codeBlocks(page, language).map((text) => ({ page, text })));

describe("examples in JSON", () => {
  test.each(examples("json"))("of $page can be read: $text", ({ text }) => {
    const parsed: unknown = JSON.parse(text);
    expect(parsed).toBeTypeOf("object");
  });

  const networks = examples("json").filter(({ text }) => text.includes('"plugins"'));
  test.each(networks)("of $page are networks that load: $text", ({ text }) => {
    expect(parseNetworkList(text).plugins).not.toEqual([]);
  });
});

test("packaging/try-package follows the quick start of the README word by word", () => {
  const [, quickStart = ""] = read("README.md").split(/^## Quick start$/m);
  const [, block = ""] = /^```\n(.*?)^```$/ms.exec(quickStart) ?? [];
  const commands = ["apt", "docker"].map((word) =>
    execFileSync("sh", ["packaging/quick-start", "README.md", word], { encoding: "utf8" }),
  );
  expect(commands.join("")).toBe(block);
  expect(commands.every((lines) => lines !== "")).toBe(true);
  expect(read("packaging/try-package").match(/quick-start README\.md \w+/g)).toHaveLength(2);
});

test.each(examples("yaml"))("the configuration of $page is accepted", ({ page, text }) => {
  expect(parseConfig(page, text).warnings).toEqual([]);
});

describe("docs/configuration.md", () => {
  const page = "docs/configuration.md";
  const shipped = read("config/cni.yaml");

  test.each(knownKeys)("has a section about %s that begins with its default", (key) => {
    expect(headings(page)).toContainEqual({ text: key, anchor: key });
    const [, shown] = new RegExp(`^#${key}: (.*)$`, "m").exec(shipped) ?? [];
    const [, told] =
      new RegExp(`^### \`${key}\`\\n\\nDefault: (.*?)[.,] `, "m").exec(read(page)) ?? [];
    const expected = key === "oci_bin" ? "the first of runc and crun on PATH" : `\`${shown}\``;
    expect(told).toBe(expected);
  });

  test("names every key that is accepted, those of the Go docker-cni too", () => {
    const keys = Object.keys(configSchema.shape);
    expect(keys.filter((key) => !prose(page).includes(`\`${key}\``))).toEqual([]);
  });
});
