import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { UserError } from "../../src/lib/errors.ts";
import type { RuntimeEntry } from "../../src/setup/daemon-json.ts";
import type { EngineInfo } from "../../src/setup/daemon.ts";
import type { Ran, SetupHost } from "../../src/setup/host.ts";
import { type SetupPaths, setupPaths } from "../../src/setup/paths.ts";

export type Bench = ReturnType<typeof makeBench>;

/** A host in a temporary folder, with a dockerd that reads its file as Docker 20.10 does; new for each test. */
export function useHost(): { current: Bench } {
  const bench: { current: Bench } = { current: Object(undefined) };
  beforeEach(() => {
    bench.current = makeBench();
  });
  afterEach(() => rmSync(bench.current.root, { recursive: true }));
  return bench;
}

interface Container {
  Id: string;
  Name: string;
  HostConfig: { Runtime: string };
}

function makeBench() {
  const root = mkdtempSync(join(tmpdir(), "docker-cni-setup-"));
  const paths: SetupPaths = setupPaths(root);
  const info: EngineInfo = { Runtimes: { runc: { path: "runc" } }, DefaultRuntime: "runc" };
  const state = {
    root,
    paths,
    write,
    info,
    /** Whether dockerd runs, and whether it reads what it is told to. */
    runs: true,
    obeys: true,
    containers: [] as Container[],
    commands: [] as string[],
    answers: new Map<string, Ran>(),
    words: ["dockerd", "--config-file", paths.daemonJson],
    /** How a question to a dockerd that runs fails; undefined: it does not. */
    failure: undefined as Error | undefined,
    hangUps: 0,
    launcher: join(root, "usr/bin/docker-cni"),
  };
  write(state.launcher, "#!/bin/sh\n");
  write(paths.pidFile, "4711");
  mkdirSync(join(root, "var/lib"));
  let paused = 0;
  const host: SetupHost = {
    now: () => new Date(Date.parse("2026-11-28T01:02:03.456Z") + paused),
    pause: (ms) => Promise.resolve(void (paused += ms)),
    run: (command, args) => {
      const line = [command, ...args].join(" ");
      state.commands.push(line.replaceAll(root, ""));
      return Promise.resolve(state.answers.get(command));
    },
    commandLine: (pid) => (pid === 4711 && state.runs ? state.words : undefined),
    hangUp: () => {
      state.hangUps += 1;
      if (state.obeys) readFile(paths.daemonJson, info);
    },
    engine: () => ({
      endpoint: { host: "unix:///docker.sock", source: "the test" },
      get: (path) => {
        if (!state.runs) return Promise.reject(noEngine("ECONNREFUSED"));
        if (state.failure !== undefined) return Promise.reject(state.failure);
        if (path === "/info") return Promise.resolve(structuredClone(info));
        const id = /^\/containers\/(.*)\/json$/.exec(path)?.[1];
        return Promise.resolve(
          id === undefined ? state.containers : state.containers.find(({ Id }) => Id === id),
        );
      },
    }),
  };
  return Object.assign(state, { host, setup: { paths, host }, request: requestOf(state) });
}

/** As src/dockerd/api.ts fails. */
export function noEngine(code: string): UserError {
  return new UserError("NO_ENGINE", `it fails: ${code}`, {
    cause: Object.assign(new Error(code), { code }),
  });
}

function write(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

function requestOf({ paths, launcher }: { paths: SetupPaths; launcher: string }) {
  const runtime: RuntimeEntry = { path: launcher };
  return {
    name: "cni",
    runtime,
    makeDefault: false,
    daemonJson: paths.daemonJson,
    resources: join(import.meta.dirname, "../.."),
    cniYaml: paths.cniYaml,
    cniConfDir: paths.cniConfDir,
    stateDir: "/var/lib/docker-cni",
    dryRun: false,
    reload: true,
  };
}

/** What dockerd takes from its file on SIGHUP: of a broken one nothing; keys that are not there leave things as they are. */
function readFile(path: string, info: EngineInfo): void {
  if (!existsSync(path)) return;
  const text = readFileSync(path, "utf8").replace(/^\uFEFF/, "");
  let value: { runtimes?: Record<string, RuntimeEntry>; "default-runtime"?: string };
  try {
    value = JSON.parse(text);
  } catch {
    return;
  }
  if (value.runtimes) info.Runtimes = { ...value.runtimes, runc: { path: "runc" } };
  if (value["default-runtime"]) info.DefaultRuntime = value["default-runtime"];
}
