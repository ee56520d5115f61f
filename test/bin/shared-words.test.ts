import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { protocolWords, verbs } from "../../src/cli/verbs.ts";
import { resolveConfig } from "../../src/config/config.ts";
import { launcherKeys } from "../../src/config/launcher-reading.ts";
import { withOwnLines } from "../../src/names/own-lines-text.ts";
import {
  globalValues,
  parseCreateCall,
  parseOwnOptions,
  innerVerbs,
} from "../../src/runtime/args.ts";
import { createRuntimeHook } from "../../src/runtime/hooks.ts";
import { callersEnvironment } from "../../src/runtime/environment.ts";
import { poststopHook } from "../../src/runtime/hooks.ts";
import { fileRuntimeNotes, RUNTIME_NOTES } from "../../src/state/runtime-notes.ts";
import { markMaking } from "../../src/state/making.ts";
import { markReserved } from "../../src/state/claims.ts";
import { fileStore } from "../../src/state/store.ts";
import { keptRecord, useBench } from "../sandbox/context.ts";

/** The words that the sh scripts and the program share: each is read where both use it. */
const LAUNCHER = readFileSync("bin/docker-cni", "utf8");
const POSTSTOP = readFileSync("hooks/poststop", "utf8");
const CREATERUNTIME = readFileSync("hooks/createruntime", "utf8");

const bench = useBench();

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-words-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** The first groups of all matches, without those that come again, in order. */
function all(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map(([, word = ""]) => word))].toSorted();
}

/** The words of a `case` label. */
const words = (label: string | undefined): string[] =>
  (label ?? "").split("|").map((word) => word.replaceAll(/[\s\\]/g, ""));

/** The function of a script, as text. */
function functionOf(script: string, name: string): string {
  const [text = ""] = new RegExp(`^${name}\\(\\) \\{(.*?^\\}|.*\\}$)`, "ms").exec(script) ?? [];
  return text;
}

const install = { launcher: "/l", hooksDir: "/h", configFile: "/c.yaml" };
const hookOptions = { install, path: "/bin", pluginTimeoutMs: 1000 };

/** The arguments that the program gives the poststop hook of such a container. */
function hookOf(more: { keep: boolean; containerDir?: string }): string[] {
  const { containerDir: _, ...record } = keptRecord(bench.current);
  const args = poststopHook({
    ...hookOptions,
    record: { ...record, ...more },
    sandboxDir: "/s",
  }).args;
  return args?.slice(1) ?? [];
}

/** The strings of a file, each ended by a NUL. */
const read = (file: string): string[] => readFileSync(file, "utf8").split("\0").slice(0, -1);

/** Whether the launcher finds lines of docker-cni in a hosts file of this text. */
function has(text: string): boolean {
  writeFileSync(join(dir, "hosts"), text);
  writeFileSync(join(dir, "late"), `${dir}/hosts\n`);
  const script = `${functionOf(LAUNCHER, "has_names")}\nhas_names "$1"`;
  return spawnSync("sh", ["-c", script, "sh", join(dir, "late")]).status === 0;
}

describe("hooks/poststop", () => {
  test("knows the modes that the program gives it, and no others", () => {
    const given = [
      hookOf({ keep: true, containerDir: "/d" }),
      hookOf({ keep: false, containerDir: "/d" }),
      hookOf({ keep: false }),
    ].map(([mode = ""]) => mode);
    expect(
      all(POSTSTOP, /^# {3}(?:MODE {11}| {15})?(\w+) {2,}/gm).filter((word) => word !== "SANDBOX"),
    ).toEqual(expect.arrayContaining(given.toSorted()));
    const branches = /^case \$mode in$(.*)^esac$/ms.exec(POSTSTOP)?.[1] ?? "";
    expect(all(branches, /^([a-z*]+)\)$/gm)).toEqual(["*", "keep", "release"]);
    expect(given).toEqual(["keep", "release", "wait"]);
    const crash = readFileSync("test/crash/scenarios.ts", "utf8");
    const tried = all(crash, /hook\(container, place, "(\w+)"\)/g);
    const table = /\.\.\.\(\[(.*)\] as const\)\.map\(\(mode\)/.exec(crash)?.[1] ?? "";
    expect([...new Set([...tried, ...all(table, /"(\w+)"/g)])].toSorted()).toEqual(given);
  });

  test("takes its arguments in the order in which they are given", () => {
    const order = all(POSTSTOP, /^mode=\$1 sandbox=\$2 container=\$3 launcher=\$4 config=\$5$()/gm);
    expect(order).toEqual([""]);
    expect(hookOf({ keep: true, containerDir: "/d" })).toEqual([
      "keep",
      "/s",
      "/d",
      "/l",
      "/c.yaml",
    ]);
  });

  test("names the files of a sandbox as the program does", () => {
    const store = fileStore(join(dir, "state"), join(dir, "notes"));
    store.prepare("c1");
    store.write(keptRecord(bench.current));
    store.markStopped("c1");
    store.markSettleBeforeStart("c1", "always");
    markMaking(store, "c1");
    store.writeRetry("c1", { attempts: 1, error: "", nextAt: 0 });
    markReserved(store, "c1", true);
    const files = readdirSync(store.pathOf("c1"));
    const named = [
      ...all(POSTSTOP, /\$sandbox\/([\w.]+)/g),
      ...all(POSTSTOP, /\}"\/\*\/(\w+)/g),
      ...all(POSTSTOP, /\$\{link%\/\*\}\/(\w+)/g),
      ...all(POSTSTOP, /\$\{name##\*\/\}\/(\w+)/g),
      ...all(LAUNCHER, /\$sandbox\/(\w+)/g),
    ];
    expect([...new Set(named)].toSorted()).toEqual([
      "container",
      "late",
      "making",
      "record.json",
      "reserved",
      "retry",
      "stopped",
    ]);
    expect(files).toEqual(expect.arrayContaining(named));
  });

  test("marks a stop as the program reads it", () => {
    const store = fileStore(join(dir, "state"), join(dir, "notes"));
    store.prepare("c1");
    const script = `sandbox=$1\n${functionOf(POSTSTOP, "mark_stopped")}\nmark_stopped`;
    spawnSync("sh", ["-c", script, "sh", store.pathOf("c1")]);
    expect(store.stoppedFor("c1")).toBeLessThan(60_000);
    expect(
      spawnSync("sh", [
        "-c",
        `sandbox=$1\n${functionOf(POSTSTOP, "is_done")}\nis_done`,
        "sh",
        store.pathOf("c1"),
      ]).status,
    ).toBe(1);
    store.clearStopped("c1");
    expect(
      spawnSync("sh", [
        "-c",
        `sandbox=$1\n${functionOf(POSTSTOP, "is_done")}\nis_done`,
        "sh",
        store.pathOf("c1"),
      ]).status,
    ).toBe(0);
  });

  test("leaves its notes where gc drops those of sandboxes that are gone", () => {
    const store = fileStore(join(dir, "state"), join(dir, "notes"));
    store.prepareAll();
    const script = `sandbox=$1\n${functionOf(POSTSTOP, "leave_note")}\nleave_note`;
    spawnSync("sh", ["-c", script, "sh", store.pathOf("gone")]);
    const folders = readdirSync(join(dir, "state"));
    const name = folders.find((folder) => folder !== "sandboxes") ?? "";
    expect(readdirSync(join(dir, "state", name))).toEqual(["gone"]);
    store.dropNotes();
    expect(readdirSync(join(dir, "state", name))).toEqual([]);
  });

  test("calls the launcher with a verb and options that there are", () => {
    const help = readFileSync("src/cli/gc.ts", "utf8");
    expect(all(POSTSTOP, /-- (\w+) "\$@"/g)).toEqual(["gc"]);
    const options = all(POSTSTOP, /(?:gc |pending )(--[a-z]+)/g);
    expect(options).toEqual(["--background", "--container"]);
    for (const option of options) expect(help).toContain(`"${option}`);
  });
});

test("hooks/createruntime takes its arguments in the order in which they are given, and calls a verb that there is", () => {
  const { args = [] } = createRuntimeHook({ ...hookOptions, id: "c1", locked: true });
  expect(args).toEqual(["createruntime", "c1", "/l", "/c.yaml", "--locked"]);
  expect(CREATERUNTIME).toContain("container=$1 launcher=$2 config=$3\nshift 3\n");
  const called = all(CREATERUNTIME, /-- ([a-z-]+) "\$@" "\$container" "\$pid"/g);
  expect(called).toEqual(["attach-netns"]);
  expect(called.every((verb) => innerVerbs.has(verb))).toBe(true);
  expect(readFileSync("src/runtime/hook-verbs.ts", "utf8")).toContain('"--locked"');
});

describe("the launcher", () => {
  test("knows every verb of the program's, and no others", () => {
    const [labels] = all(LAUNCHER, /^([\w| \\\n-]+\| gc \|[\w| \\\n-]+)\)\n {4}program --/gm);
    const special = all(LAUNCHER, /^(go-hook|version)\)$/gm);
    const own = verbs.filter(({ sharedWord }) => !sharedWord).map(({ name }) => name);
    expect([...words(labels), ...special, "version"].toSorted()).toEqual(
      [...innerVerbs, ...protocolWords, ...own].toSorted(),
    );
    const [helped] = all(LAUNCHER, /^ {4}'' \| ([\w| \\\n-]+)\) person=1/gm);
    const everyVerb = verbs.map(({ name }) => name);
    expect(words(helped).toSorted()).toEqual([...everyVerb, "help"].toSorted());
    for (const verb of all(LAUNCHER, /program -- ([a-z-]+) /g)) expect(innerVerbs).toContain(verb);
  });

  test("gives to the program what makes a container: the calls that it reads", () => {
    const labels = all(LAUNCHER, /^ *(create[a-z| ]+)\)$/gm);
    expect(labels).toEqual(["create | run | restore"]);
    for (const word of words(labels[0])) expect(parseCreateCall([word, "c1"]).command).toBe(word);
    for (const word of ["start", "exec"]) {
      expect(() => parseCreateCall([word, "c1"])).toThrow("not a call that makes a container");
    }
  });

  test("passes over the global flags with a value that the program passes over", () => {
    for (const dashes of ["--", "-"]) {
      const flag = `${dashes}[a-z-]+`;
      const labels = all(
        LAUNCHER,
        new RegExp(`^ *(${flag}(?: \\| ${flag})*)\\) value=\\$arg`, "gm"),
      );
      const longest = labels
        .flatMap(words)
        .filter((word) => word.startsWith("--") === (dashes === "--"));
      expect(longest.map((word) => word.replace(/^-+/, "")).toSorted()).toEqual(
        [...globalValues].toSorted(),
      );
    }
  });

  test("hands over options that the program takes, and an environment that it puts back", () => {
    for (const folder of ["bin", "dist"]) mkdirSync(join(dir, folder));
    const [launcher, program] = [join(dir, "bin/docker-cni"), join(dir, "dist/docker-cni")];
    writeFileSync(launcher, LAUNCHER.replace(RUNTIME_NOTES, join(dir, "notes")), { mode: 0o755 });
    const seen = `${program}.seen`;
    const record = `#!/bin/sh\nprintf '%s\\0' "$@" >"$0.seen"\n/usr/bin/env -0 >"$0.env"\n`;
    writeFileSync(program, record, { mode: 0o755 });
    const env = { PATH: "/usr/bin:/bin", BUN_OPTIONS: "--x", NODE_CHANNEL_FD: "7" };
    for (const args of ["create --preserve-fds 1 c1", "ls", "help", "cni ls", "--config /c ls"]) {
      spawnSync(launcher, args.split(" "), {
        env,
        stdio: ["ignore", "ignore", "ignore", "inherit"],
      });
      const options = parseOwnOptions(read(seen));
      expect(options.rest.join(" ")).toBe(args.replace(/^(--config \/c|cni) /, ""));
      expect(options).toMatchObject({
        launcher,
        hooks: `${dir}/bin/../hooks`,
        config: args.includes("--config") ? "/c" : "/etc/docker/cni.yaml",
        configGiven: args.includes("--config"),
        person: args === "help",
        plugin: args === "cni ls",
      });
      const handed = Object.fromEntries(
        read(`${program}.env`).map((line) => [
          line.slice(0, line.indexOf("=")),
          line.slice(line.indexOf("=") + 1),
        ]),
      );
      expect(callersEnvironment(handed)).toMatchObject(env);
      expect(
        Object.keys(callersEnvironment(handed)).filter((name) => /^(BUN|DOCKER_CNI)_/.test(name)),
      ).toEqual(["BUN_OPTIONS"]);
    }
  });

  test("recognises in a hosts file the lines that the program writes", () => {
    expect(has(withOwnLines("127.0.0.1 localhost\n", "10.0.0.2 web\n"))).toBe(true);
    expect(has(withOwnLines("127.0.0.1 localhost\n", ""))).toBe(has("127.0.0.1 localhost\n"));
    expect(has("127.0.0.1 localhost\n# docker\n")).toBe(false);
  });

  test("has the program's defaults", () => {
    expect(all(LAUNCHER, /^config=(.+)$/gm)).toEqual(["/etc/docker/cni.yaml"]);
    expect(readFileSync("src/cli/program.ts", "utf8")).toContain(" /etc/docker/cni.yaml.");
    const { stateDir } = resolveConfig({});
    expect(all(LAUNCHER, /\$\{value:-([^}]+)\}/g)).toEqual([stateDir]);
    expect(all(LAUNCHER, /\$\{value:-[^}]+\}(\/\w+)\//g)).toEqual([
      fileStore(stateDir).dir.slice(stateDir.length),
    ]);
    const unit = readFileSync("systemd/docker-cni-gc.service", "utf8");
    expect(all(unit, /^ConditionPathIsDirectory=(.+)$/gm)).toEqual([fileStore(stateDir).dir]);
    expect(all(LAUNCHER, /^notes=(.+)$/gm)).toEqual([RUNTIME_NOTES]);
    expect(all(LAUNCHER, /(?:\{ |^ +)setting (\w+)/gm)).toEqual([...launcherKeys].toSorted());
  });

  test("names a note as the program does, and reads it", () => {
    fileRuntimeNotes(dir).write(
      { root: "/run/r s", id: "c1" },
      { path: "/usr/bin/runc", sandbox: "/s" },
    );
    const script = `root=$1 prefix=\n${functionOf(LAUNCHER, "name_notes")}\nname_notes\nprintf %s "$prefix"`;
    const { stdout } = spawnSync("sh", ["-c", script, "sh", "/run/r s"], { encoding: "utf8" });
    expect(existsSync(join(dir, `${stdout}c1`))).toBe(true);
    expect(
      readFileSync(join(dir, `${stdout}c1`), "utf8")
        .split("\n")
        .slice(0, 2),
    ).toEqual(["/usr/bin/runc", "/s"]);
    expect(LAUNCHER).toContain("IFS= read -r noted && IFS= read -r sandbox;");
  });
});
