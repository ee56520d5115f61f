import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { tempDir } from "../harness.ts";

/** How the plugin is started: over what a runtime would give it. */
export interface PluginStart {
  command?: string;
  /** Variables over those of a whole call; undefined leaves one out. */
  env?: Record<string, string | undefined>;
  /** Keys over those of a whole configuration; undefined leaves one out. */
  config?: Record<string, unknown>;
  /** In place of the configuration. */
  stdin?: string;
  /** Files in place of the pipes, both opened for writing alone. */
  stdinFile?: string;
  stdoutFile?: string;
}

/** How it ended: stdout parsed where it is JSON, and what its function was given. */
export interface PluginEnd {
  status: number | null;
  answer: unknown;
  stderr: string;
  /** What the plugin's own function was given; undefined when it was not called. */
  given: Record<string, unknown> | undefined;
}

const fixture = join(import.meta.dirname, "fixture.ts");

/** Starting it costs a fifth of a second of compilation, and a tenth of that the second time. */
const compileCache = mkdtempSync(join(tmpdir(), "cni-test-"));
afterAll(() => rmSync(compileCache, { recursive: true, force: true }));

/** Puts the plugin of fixture.ts into the folder as an executable of this name; returns its path. */
export function installFixture(dir: string, name: string): string {
  const path = join(dir, name);
  const script = `#!/bin/sh
export NODE_COMPILE_CACHE='${compileCache}'
exec '${process.execPath}' '${fixture}'
`;
  writeFileSync(path, script, { mode: 0o755 });
  return path;
}

export function startPlugin(start: PluginStart): PluginEnd {
  const { command = "ADD", env = {}, config = {} } = start;
  const whole = { cniVersion: "1.1.0", name: "lan", type: "fixture", result: {} };
  const { stdin = JSON.stringify({ ...whole, ...config }), stdinFile, stdoutFile } = start;
  const files = [
    ...(stdinFile === undefined ? [] : [openSync(stdinFile, "w")]),
    ...(stdoutFile === undefined ? [] : [openSync(stdoutFile, "w")]),
  ];
  try {
    const end = spawnSync(installFixture(tempDir(), "fixture"), [], {
      env: { PATH: process.env["PATH"], ...wholeEnv(command), ...env },
      input: stdin,
      stdio: [
        stdinFile === undefined ? "pipe" : files[0],
        stdoutFile === undefined ? "pipe" : files.at(-1),
        "pipe",
      ],
      encoding: "utf8",
      timeout: 15_000,
    });
    const { status, stdout, stderr } = end;
    return { status, answer: parsed(stdout), stderr, given: given(stderr) };
  } finally {
    for (const fd of files) closeSync(fd);
  }
}

function wholeEnv(command: string): Record<string, string> {
  return {
    CNI_COMMAND: command,
    CNI_CONTAINERID: "c1",
    CNI_NETNS: "/run/netns/none",
    CNI_IFNAME: "eth0",
    CNI_PATH: "/nowhere",
  };
}

function parsed(stdout: string | null): unknown {
  return stdout ? JSON.parse(stdout) : undefined;
}

function given(stderr: string): Record<string, unknown> | undefined {
  const line = stderr.split("\n").find((each) => each.startsWith("{"));
  return line === undefined ? undefined : JSON.parse(line);
}
