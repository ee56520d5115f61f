import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { UserError } from "../../src/lib/errors.ts";
import { openLog, recordingLog, withFields, type LogLevel } from "../../src/lib/log.ts";

let folder = "";
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "docker-cni-log-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

function linesOf(file: string): Record<string, unknown>[] {
  const text = fs.readFileSync(file, "utf8");
  expect(text.endsWith("\n")).toBe(true);
  return text
    .trimEnd()
    .split("\n")
    .map((line) => recordOf(JSON.parse(line)));
}

function recordOf(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw new Error("not an object");
  return { ...value };
}

const modeOf = (file: string) => (fs.statSync(file).mode & 0o777).toString(8);

describe("the file", () => {
  test("is not there before the first line, and is 0600 with it", () => {
    const file = path.join(folder, "a.log");
    const log = openLog({ file, level: "info" });
    log.debug({}, "below the level");
    expect(fs.existsSync(file)).toBe(false);
    log.info({}, "first");
    expect(modeOf(file)).toBe("600");
  });

  test("gets its missing folders, 0700", () => {
    const file = path.join(folder, "x", "y", "a.log");
    openLog({ file, level: "info" }).info({}, "hello");
    expect(linesOf(file)).toHaveLength(1);
    expect([modeOf(path.join(folder, "x")), modeOf(path.join(folder, "x", "y"))]).toEqual([
      "700",
      "700",
    ]);
  });

  test("keeps what others wrote, and its mode", () => {
    const file = path.join(folder, "a.log");
    fs.writeFileSync(file, '{"msg":"old"}\n', { mode: 0o640 });
    openLog({ file, level: "info" }).info({}, "new");
    expect(linesOf(file).map((line) => line["msg"])).toEqual(["old", "new"]);
    expect(modeOf(file)).toBe("640");
  });

  test("may be renamed away: the next process writes a new one", () => {
    const file = path.join(folder, "a.log");
    openLog({ file, level: "info" }).info({}, "before");
    fs.renameSync(file, `${file}.1`);
    openLog({ file, level: "info" }).info({}, "after");
    expect(linesOf(file).map((line) => line["msg"])).toEqual(["after"]);
    expect(linesOf(`${file}.1`).map((line) => line["msg"])).toEqual(["before"]);
  });

  test.each<[string, () => string]>([
    ["is a folder", () => folder],
    [
      "has a file for a parent folder",
      () => {
        fs.writeFileSync(path.join(folder, "f"), "");
        return path.join(folder, "f", "a.log");
      },
    ],
    [
      "is a pipe that nobody reads",
      () => {
        execFileSync("mkfifo", [path.join(folder, "pipe")]);
        return path.join(folder, "pipe");
      },
    ],
    ["is on a full disk", () => "/dev/full"],
    ["cannot be made even by root", () => "/proc/docker-cni/a.log"],
    ["has a name that is too long", () => path.join(folder, "n".repeat(300))],
  ])("fails nobody when it %s", (_title, file) => {
    const log = openLog({ file: file(), level: "debug" });
    expect(() => log.error({ step: "add" }, "lost")).not.toThrow();
    expect(() => log.error({ step: "add" }, "lost too")).not.toThrow();
  });

  test("stdout and stderr stay empty, whatever becomes of the file", () => {
    const script = `import { openLog } from ${JSON.stringify(path.resolve("src/lib/log.ts"))};
      openLog({ file: "/dev/full", level: "debug" }).error({ err: new Error("x") }, "y");`;
    const main = path.join(folder, "main.ts");
    fs.writeFileSync(main, script);
    const node = path.resolve("node_modules/.bin/node");
    const output = execFileSync("sh", ["-c", '"$0" "$1" 2>&1', node, main], { encoding: "utf8" });
    expect(output).toBe("");
  });
});

describe("the levels", () => {
  const all: LogLevel[] = ["debug", "info", "warn", "error"];

  test.each<[LogLevel, LogLevel[]]>([
    ["debug", all],
    ["info", ["info", "warn", "error"]],
    ["warn", ["warn", "error"]],
    ["error", ["error"]],
  ])("%s lets through what is as weighty or more", (level, expected) => {
    const file = path.join(folder, "a.log");
    const log = openLog({ file, level });
    for (const each of all) log[each]({}, each);
    expect(linesOf(file).map((line) => line["msg"])).toEqual(expected);
  });
});

describe("a line", () => {
  test("is the line that pino writes", () => {
    const fields = {
      container: "c1",
      network: "net",
      plugin: "bridge",
      step: "add",
      ms: 12.5,
      none: undefined,
    };
    const ours = path.join(folder, "ours.log");
    const theirs = path.join(folder, "theirs.log");
    const options = { level: "debug", base: { pid: process.pid } };
    const reference = pino(options, pino.destination({ dest: theirs, sync: true }));
    for (const level of ["debug", "info", "warn", "error"] as const) {
      openLog({ file: ours, level: "debug" })[level](fields, 'a "quoted"\nmessage');
      reference[level](fields, 'a "quoted"\nmessage');
    }
    const untimed = (file: string) =>
      linesOf(file).map((line) => Object.assign(line, { time: typeof line["time"] }));
    expect(untimed(ours)).toEqual(untimed(theirs));
    expect(linesOf(ours)[0]).toMatchObject({
      level: 20,
      pid: process.pid,
      container: "c1",
      ms: 12.5,
    });
  });

  test("tells when it was written, in milliseconds", () => {
    const file = path.join(folder, "a.log");
    const before = Date.now();
    openLog({ file, level: "info" }).info({}, "now");
    const time = Number(linesOf(file)[0]?.["time"]);
    expect(time).toBeGreaterThanOrEqual(before);
    expect(time).toBeLessThanOrEqual(Date.now());
  });

  test("carries an error with its code and its cause", () => {
    const file = path.join(folder, "a.log");
    const err = new UserError("CNI_FAILED", "add failed", { cause: new Error("exit 1") });
    openLog({ file, level: "info" }).error({ err }, "create failed");
    expect(linesOf(file)[0]).toMatchObject({
      msg: "create failed",
      err: {
        type: "UserError",
        code: "CNI_FAILED",
        message: "add failed",
        cause: { message: "exit 1" },
      },
    });
  });

  test("is written even when a field has no JSON", () => {
    const file = path.join(folder, "a.log");
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    const log = openLog({ file, level: "info" });
    log.info({ cycle }, "with a cycle");
    log.info({ big: 10n }, "with a bigint");
    const [first, second] = linesOf(file);
    expect(first).toMatchObject({ msg: "with a cycle" });
    expect(second).toMatchObject({ msg: "with a bigint", big: "10" });
  });
});

describe("loggers over others", () => {
  test("the recording logger keeps every line with its level and fields", () => {
    const { log, lines } = recordingLog();
    log.debug({ step: "add" }, "a");
    log.error({ ms: 3 }, "b");
    expect(lines).toEqual([
      { level: "debug", fields: { step: "add" }, msg: "a" },
      { level: "error", fields: { ms: 3 }, msg: "b" },
    ]);
  });

  test("withFields adds its fields to every line, and a line's own win", () => {
    const { log, lines } = recordingLog();
    withFields(log, { container: "c1", step: "create" }).warn({ step: "add" }, "a");
    expect(lines).toEqual([{ level: "warn", fields: { container: "c1", step: "add" }, msg: "a" }]);
  });
});
