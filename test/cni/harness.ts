import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import {
  CniError,
  createCni,
  parseNetworkList,
  type Cni,
  type CniOptions,
  type NetworkList,
  type PluginStep,
  type RuntimeConf,
} from "../../src/cni/index.ts";

/** How the fake plugin was called, as it saw it. */
export interface FakeCall {
  type: string;
  argv: string[];
  env: Record<string, string>;
  stdin: Record<string, unknown>;
  fds: string[];
  netns: string;
}

/** A temporary folder of fake plugins, gone when the test is over. */
export interface FakePlugins {
  dir: string;
  binDir: string;
  cacheDir: string;
  /** Every plugin call so far, as reported to onPlugin. */
  steps: PluginStep[];
  /** Puts fake plugins of these types on the search path. */
  install(...types: string[]): void;
  /** What the plugin does on this verb: a POSIX shell script. */
  answer(type: string, command: string, script: string): void;
  calls(): FakeCall[];
  /** `COMMAND type` of every call, in order. */
  verbs(): string[];
  cni(options?: Partial<CniOptions>): Cni;
}

const fakePlugin = join(import.meta.dirname, "fixtures/fake-plugin");

export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "cni-test-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export function fakePlugins(...types: string[]): FakePlugins {
  const dir = tempDir();
  const [binDir, cacheDir] = [join(dir, "bin"), join(dir, "cache")];
  const steps: PluginStep[] = [];
  for (const name of ["bin", "calls", "answers"]) mkdirSync(join(dir, name));
  const fake: FakePlugins = {
    dir,
    binDir,
    cacheDir,
    steps,
    install(...names) {
      for (const name of names) symlinkSync(fakePlugin, join(binDir, name));
    },
    answer(type, command, script) {
      writeFileSync(join(dir, "answers", `${type}.${command}`), script);
    },
    calls: () => callNumbers(dir).map((number) => readCall(join(dir, "calls", String(number)))),
    verbs: () => fake.calls().map(({ type, env }) => `${env["CNI_COMMAND"]} ${type}`),
    cni: (options = {}) =>
      createCni({
        pluginDirs: [binDir],
        cacheDir,
        env: { PATH: process.env["PATH"], FAKE_DIR: dir },
        retry: { attempts: 3, pauseMs: 5 },
        onPlugin: (step) => steps.push(step),
        ...options,
      }),
  };
  fake.install(...types);
  return fake;
}

/** A network list with the given plugins, by type or as objects. */
export function networkList(
  plugins: readonly (string | Record<string, unknown>)[],
  head: Record<string, unknown> = {},
): NetworkList {
  const objects = plugins.map((plugin) => (typeof plugin === "string" ? { type: plugin } : plugin));
  return parseNetworkList(
    JSON.stringify({ cniVersion: "1.0.0", name: "lan", ...head, plugins: objects }),
  );
}

export const attachment: RuntimeConf = {
  containerId: "c1",
  netns: "/run/netns/c1",
  ifName: "eth0",
};

/** A shell script that prints this JSON. */
export function print(value: unknown): string {
  return `cat <<'JSON'\n${JSON.stringify(value)}\nJSON\n`;
}

/** The CniError that the promise is rejected with. */
export async function failure(promise: Promise<unknown>): Promise<CniError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof CniError) return error;
  throw new Error(`expected a CniError, got ${String(error)}`, { cause: error });
}

/** The CniError that `run` throws. */
export function thrown(run: () => unknown): CniError {
  try {
    run();
  } catch (error) {
    if (error instanceof CniError) return error;
    throw error;
  }
  throw new Error("expected a CniError, and nothing was thrown");
}

function callNumbers(dir: string): number[] {
  return readdirSync(join(dir, "calls"))
    .map(Number)
    .sort((a, b) => a - b);
}

function readCall(dir: string): FakeCall {
  const read = (name: string): string => readFileSync(join(dir, name), "utf8");
  const strings = (name: string): string[] => read(name).split("\0").slice(0, -1);
  const argv = strings("argv");
  const env = strings("environ").map((pair): [string, string] => {
    const end = pair.indexOf("=");
    return [pair.slice(0, end), pair.slice(end + 1)];
  });
  return {
    type: argv[0]?.split("/").at(-1) ?? "",
    argv,
    env: Object.fromEntries(env),
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the library sends an object, or the test fails
    stdin: JSON.parse(read("stdin")) as Record<string, unknown>,
    fds: read("fds").split("\n").slice(1, -1),
    netns: read("netns").trim(),
  };
}
