import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { completions } from "../../src/cli/completion.ts";
import { verbs } from "../../src/cli/verbs.ts";
import { parseOwnOptions } from "../../src/runtime/args.ts";
import { keptRecord, useBench } from "../sandbox/context.ts";
import { operatorCall } from "./call.ts";

const bench = useBench();

beforeEach(() => {
  const { dir, context } = bench.current;
  mkdirSync(join(dir, "containers/c1"), { recursive: true });
  context.store.prepare("c1");
  context.store.write(keptRecord(bench.current, { name: "web" }));
  mkdirSync(join(dir, "networks"));
  const list = { cniVersion: "1.0.0", name: "lan", plugins: [{ type: "bridge" }] };
  writeFileSync(join(dir, "networks/10-lan.conflist"), JSON.stringify(list));
});

async function completed(words: readonly string[], descriptions = false): Promise<string[]> {
  const { call } = operatorCall(bench.current.context, { options: parseOwnOptions(["--plugin"]) });
  call.config = { ...call.config, cniConfDir: join(bench.current.dir, "networks") };
  return completions(call, words, descriptions);
}

const everyVerb = [...verbs.map(({ name }) => name), "help"];

test.each([
  { words: [], offered: everyVerb, directive: ":4" },
  { words: [""], offered: everyVerb, directive: ":4" },
  { words: ["ins"], offered: everyVerb.filter((name) => name.startsWith("ins")), directive: ":4" },
  { words: ["--config", "/c.yaml", "l"], offered: ["ls", "logs"], directive: ":4" },
  { words: ["--config", ""], offered: [], directive: ":0" },
  { words: ["help", "gc"], offered: ["gc"], directive: ":4" },
  { words: ["nothing", ""], offered: [], directive: ":4" },
  { words: ["inspect", ""], offered: ["web"], directive: ":4" },
  { words: ["inspect", "x"], offered: [], directive: ":4" },
  { words: ["inspect", "web", ""], offered: [], directive: ":4" },
  { words: ["inspect", "--json", ""], offered: ["web"], directive: ":4" },
  { words: ["trace", "--"], offered: ["--json", "--help"], directive: ":4" },
  { words: ["gc", "--dr"], offered: ["--dry-run"], directive: ":4" },
  { words: ["gc", "--forget", ""], offered: ["web"], directive: ":4" },
  { words: ["gc", "--forget=w"], offered: ["web"], directive: ":4" },
  { words: ["gc", "--forget", "="], offered: ["web"], directive: ":4" },
  { words: ["gc", "--forget", "=", "w"], offered: ["web"], directive: ":4" },
  { words: ["gc", "--nothing=w"], offered: [], directive: ":4" },
  { words: ["install", "--engine", "p"], offered: ["podman"], directive: ":4" },
  { words: ["install", "--config-file", ""], offered: [], directive: ":0" },
  {
    words: ["network", ""],
    offered: ["create", "ls", "inspect", "rm", "prune", "set-default"],
    directive: ":4",
  },
  { words: ["network", "rm", ""], offered: ["lan"], directive: ":4" },
  { words: ["network", "prune", "--f"], offered: ["--force"], directive: ":4" },
  { words: ["network", "nothing", ""], offered: [], directive: ":4" },
  { words: ["completion", ""], offered: ["bash", "zsh", "fish"], directive: ":4" },
])("%o", async ({ words, offered, directive }) => {
  const lines = await completed(words);
  const known = new Set([...everyVerb, ...lines]);
  expect(lines).toEqual([...offered.filter((word) => known.has(word)), directive]);
});

test("each word has its description behind a tabulator", async () => {
  expect(await completed(["inspect", ""], true)).toEqual(["web\tkept", ":4"]);
  expect(await completed(["gc", "--dr"], true)).toEqual([
    "--dry-run\tonly tell what would be released",
    ":4",
  ]);
});
