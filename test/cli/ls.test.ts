import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { lsCommand } from "../../src/cli/ls.ts";
import { watch } from "../../src/cli/watch.ts";
import { attachment, keptRecord, publishing, useBench } from "../sandbox/context.ts";
import { operatorCall } from "./call.ts";

const bench = useBench();

async function ls(...args: string[]): Promise<string> {
  const { call, lines } = operatorCall(bench.current.context);
  await lsCommand(call).parseAsync(args, { from: "user" });
  return lines.join("\n");
}

test("an address that a network gave in the place of another is shown with the other", async () => {
  const { dir, context } = bench.current;
  mkdirSync(join(dir, "containers/c1"), { recursive: true });
  const moved = { ...attachment, formerAddresses: ["10.9.0.7/24"] };
  context.store.prepare("c1");
  context.store.write(keptRecord(bench.current, { attachments: [moved] }));
  expect(await ls()).toContain("10.9.0.2/24 (was 10.9.0.7/24)");
  expect(JSON.parse(await ls("--json"))).toMatchObject([
    { networks: [{ addresses: ["10.9.0.2/24"], formerAddresses: ["10.9.0.7/24"] }] },
  ]);
});

/** Two containers: web runs with ports on lan, db is kept on lan and lab. */
function twoContainers(): void {
  const { dir, context } = bench.current;
  const lab = { ...attachment, network: "lab", ifName: "eth1", addresses: ["10.8.0.2/24"] };
  const records = [
    keptRecord(bench.current, { id: WEB, name: "web", attachments: [publishing] }),
    keptRecord(bench.current, { id: "d".repeat(64), name: "db", attachments: [attachment, lab] }),
  ];
  for (const record of records) {
    const containerDir = join(dir, "containers", record.id);
    mkdirSync(containerDir, { recursive: true });
    context.store.prepare(record.id);
    context.store.write({ ...record, containerDir });
  }
}

const WEB = "e".repeat(64);

describe("ls in Docker's manner", () => {
  test.each([
    { args: ["-q"], lines: ["dddddddddddd", "eeeeeeeeeeee"] },
    { args: ["-q", "--no-trunc", "--filter", "name=we"], lines: [WEB] },
    { args: ["--format", "{{.Name}} {{.ID}}"], lines: ["db dddddddddddd", "web eeeeeeeeeeee"] },
    { args: ["--format", '{{join .Networks "+"}}'], lines: ["lan+lab", "lan"] },
    { args: ["--format", "{{.Ports}}", "-f", "id=eee"], lines: ["40123->80/tcp"] },
    {
      args: ["--format", "table {{.Name}}\\t{{.State}}"],
      lines: ["NAME  STATE", "db    kept", "web   kept"],
    },
    { args: ["-q", "-f", "network=lab", "-f", "name=web"], lines: [] },
    { args: ["-q", "-f", "name=web", "-f", "name=db"], lines: ["dddddddddddd", "eeeeeeeeeeee"] },
    { args: ["-q", "-f", "address=10.8.0.2"], lines: ["dddddddddddd"] },
    { args: ["-q", "-f", "state=running"], lines: [] },
  ])("$args", async ({ args, lines }) => {
    twoContainers();
    expect((await ls(...args)).split("\n").filter((line) => line !== "")).toEqual(lines);
  });

  test("json is a line for each container", async () => {
    twoContainers();
    const lines = (await ls("--format", "json")).split("\n");
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual(JSON.parse(await ls("--json")));
  });

  test("the table has 80 columns for names and ports of a usual length", async () => {
    twoContainers();
    expect((await ls()).split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  test.each(["nosuch=1", "name", "__proto__=x"])("--filter %s is told of", async (filter) => {
    await expect(ls("--filter", filter)).rejects.toThrow("there is no such filter");
  });

  test("a template that asks for what there is not is told of", async () => {
    twoContainers();
    await expect(ls("--format", "{{.Nosuch}}")).rejects.toThrow("cannot show");
  });
});

test("--watch prints again what has changed, and nothing else", async () => {
  const seen: string[][] = [];
  const until = new AbortController();
  const states = [["a"], ["a"], ["b"]];
  await watch(
    async () => {
      if (states.length === 1) until.abort();
      return states.shift() ?? [];
    },
    (...lines) => seen.push(lines),
    { until: until.signal, everyMs: 1, clear: () => {} },
  );
  expect(seen).toEqual([["a"], ["b"]]);
});

test("--watch ends in peace when its reader has read enough", () => {
  const script = `
    import { watch } from "./src/cli/watch.ts";
    let number = 0;
    await watch(async () => [String(number++)], console.log, { everyMs: 5 });`;
  const line = 'node --input-type=module -e "$1" | head -n 1; exit "${PIPESTATUS[0]}"';
  const { status, stdout, stderr } = spawnSync("bash", ["-c", line, "bash", script], {
    encoding: "utf8",
    timeout: 20_000,
  });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "0\n", stderr: "" });
});
