import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { OperatorCall } from "../../src/cli/cli.ts";
import { eventOf } from "../../src/cli/event.ts";
import { eventsCommand } from "../../src/cli/events.ts";
import { parseLogLine } from "../../src/cli/log-line.ts";
import { logsCommand } from "../../src/cli/logs.ts";
import { parseMoment } from "../../src/cli/moment.ts";
import { render } from "../../src/cli/terminal.ts";
import { useBench } from "../sandbox/context.ts";
import { operatorCall } from "./call.ts";

const bench = useBench();
const ID = "a1".repeat(32);
const NETWORK = {
  network: "lan",
  interface: "eth0",
  addresses: ["10.1.0.2/24"],
  mac: "02:42:0a:01:00:02",
};
const NOON = Date.parse("2026-01-31T12:00:00Z");

/** Lines as the log has them, a second apart from noon on. */
const LINES: Record<string, unknown>[] = [
  {
    level: 30,
    container: ID,
    network: "lan",
    plugin: "bridge",
    step: "ADD",
    ms: 34,
    msg: "plugin done",
  },
  {
    level: 30,
    container: ID,
    name: "web",
    event: "attach",
    networks: [NETWORK],
    ports: [],
    msg: "attached",
  },
  {
    level: 30,
    container: "b2".repeat(32),
    name: "db",
    event: "attach",
    networks: [],
    ports: [],
    msg: "attached",
  },
  { level: 30, container: "docker-cni-test-0-1", event: "detach", networks: [], msg: "released" },
  {
    level: 30,
    container: ID,
    name: "web",
    event: "keep",
    networks: [NETWORK],
    at: NOON,
    msg: "kept",
  },
  {
    level: 50,
    container: ID,
    event: "fail",
    err: { type: "CniError", message: "no \u001b[31mluck", code: "X" },
    msg: "it failed",
  },
];

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-events-"));
  const text = LINES.map(({ level, ...fields }, place) =>
    JSON.stringify({ level, time: NOON + place * 1000, pid: 1, ...fields }),
  );
  writeFileSync(join(dir, "log"), `${text.join("\n")}\nno JSON\n`);
});
afterEach(() => rmSync(dir, { recursive: true }));

async function called(
  make: (call: OperatorCall) => ReturnType<typeof logsCommand>,
  ...args: string[]
): Promise<string[]> {
  const { call, lines } = operatorCall(bench.current.context);
  const config = { ...call.config, logFile: join(dir, "log") };
  await make({ ...call, config })
    .exitOverride()
    .parseAsync(args, { from: "user" });
  return lines;
}

const ALL = ["--since", "2026-01-31T12:00:00Z", "--until", "2026-01-31T13:00:00Z"];
const events = (...args: string[]): Promise<string[]> => called(eventsCommand, ...ALL, ...args);

describe("events", () => {
  test("are told in one line each, without those of tests", async () => {
    expect(await events()).toEqual([
      "2026-01-31T12:00:01.000Z attach web (a1a1a1a1a1a1, lan eth0 10.1.0.2/24)",
      "2026-01-31T12:00:02.000Z attach db (b2b2b2b2b2b2)",
      "2026-01-31T12:00:00.000Z keep web (a1a1a1a1a1a1, lan eth0 10.1.0.2/24)",
      "2026-01-31T12:00:05.000Z fail a1a1a1a1a1a1 (a1a1a1a1a1a1, reason=no \u001b[31mluck)",
    ]);
  });

  test("are told as JSON, one a line", async () => {
    const [first = ""] = await events("--json");
    expect(JSON.parse(first)).toEqual({
      time: "2026-01-31T12:00:01.000Z",
      event: "attach",
      container: ID,
      name: "web",
      networks: [NETWORK],
      ports: [],
      reason: null,
    });
  });

  test.each([
    { filters: ["container=web"], count: 2 },
    { filters: ["container=a1a1"], count: 3 },
    { filters: ["network=lan"], count: 2 },
    { filters: ["event=attach", "event=keep"], count: 3 },
    { filters: ["event=attach", "container=db"], count: 1 },
    { filters: ["container=nobody"], count: 0 },
  ])("are told by the filters $filters", async ({ filters, count }) => {
    const args = filters.flatMap((filter) => ["--filter", filter]);
    expect(await events(...args, "--format", "{{.Event}}")).toHaveLength(count);
  });

  test.each(["colour=red", "event=start", "container"])("refuse the filter %s", async (filter) => {
    await expect(events("--filter", filter)).rejects.toMatchObject({ code: "BAD_ARGS" });
  });

  test.each([
    "null",
    "[]",
    '{"level":30,"time":1,"msg":"x","event":"attach"}',
    '{"level":30,"time":1,"msg":"x","event":"boom","container":"c"}',
    '{"level":30,"time":"1","msg":"x","event":"attach","container":"c"}',
  ])("are not made of the line %s", (text) => {
    const line = parseLogLine(text);
    expect(line && eventOf(line)).toBeUndefined();
  });
});

describe("logs", () => {
  test("are told for people: an error below its line, and no line that controls the terminal", async () => {
    const lines = (await called(logsCommand)).map(render);
    expect(lines).toHaveLength(8);
    expect(lines[0]).toMatch(
      /^2026-01-3\d \d\d:\d\d:00\.000 {2}INFO {3}a1a1a1a1a1a1 {2}lan bridge ADD {2}plugin done {2}34 ms$/,
    );
    expect(lines[1]).toMatch(/ INFO {3}web {2}attached {2}lan eth0 10\.1\.0\.2\/24$/);
    expect(lines[6]).toBe("    CniError X: no \\u001b[31mluck");
    expect(lines[7]).toBe("no JSON");
  });

  test.each([
    { args: ["web", "-n", "1"], count: 1 },
    { args: ["a1a1"], count: 5 },
    { args: ["db"], count: 1 },
    { args: ["--since", "2026-01-31T12:00:04Z", "--json"], count: 3 },
    { args: ["--until", "2026-01-31T12:00:01Z", "--json"], count: 3 },
    { args: ["--tail", "0"], count: 0 },
    { args: ["--tail", "all", "--json"], count: 7 },
  ])("are told by $args: $count lines", async ({ args, count }) => {
    expect(await called(logsCommand, ...args)).toHaveLength(count);
  });

  test("are told as they are with --json", async () => {
    const [line = ""] = await called(logsCommand, "--json");
    expect(JSON.parse(line)).toMatchObject({ plugin: "bridge", ms: 34 });
  });

  test.each([
    ["--tail", "few"],
    ["--since", "tomorrow"],
  ])("refuse %s %s", async (...args) => {
    await expect(called(logsCommand, ...args)).rejects.toMatchObject({ code: "BAD_ARGS" });
  });
});

describe("a moment", () => {
  test.each([
    { text: "10m", time: NOON - 600_000 },
    { text: "1h30m", time: NOON - 5_400_000 },
    { text: "0s", time: NOON },
    { text: "1769860800", time: NOON },
    { text: "1769860800.25", time: NOON + 250 },
    { text: "2026-01-31T12:00:00Z", time: NOON },
    { text: "2026-01-31T14:00:00+02:00", time: NOON },
    { text: "2026-01-31", time: new Date(2026, 0, 31).getTime() },
  ])("is $text", ({ text, time }) => {
    expect(parseMoment("--since", text, NOON)).toBe(time);
  });

  test.each(["", "yesterday", "-5m", "2026-13-01", "5x", "1769860800000000"])(
    "is not %j",
    (text) => {
      expect(() => parseMoment("--since", text)).toThrow("names no moment");
    },
  );
});
