import { spawn, type ChildProcess } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { openStdioFiles, type StdioFiles } from "./stdio-files.ts";
import { errnoOf } from "./system-error.ts";

/** One run of a plugin's binary. */
export interface PluginCall {
  path: string;
  env: NodeJS.ProcessEnv;
  stdin: string;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** How a run ended, and what the plugin printed. */
export interface PluginExit {
  /** `exited` also when a signal that was not ours ended it. */
  ended: "exited" | "timeout" | "aborted" | "overflow";
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  /** The last 64 KiB of what it wrote to stderr. */
  stderr: string;
  /** After a time-out: since when it hung, and in what. */
  hung?: string | undefined;
}

/** How plugins are found and run: the one effect of this library beside its cache. */
export interface PluginExec {
  /** The path of the first regular file called `type` in `dirs`. */
  find(type: string, dirs: readonly string[]): string | undefined;
  /** Runs it to its end; rejects with the system error (`EACCES`, `ETXTBSY` …) when it cannot be started. */
  run(call: PluginCall): Promise<PluginExit>;
  /** Whether `run` makes no process for the plugin at this path. */
  isInProcess?(path: string): boolean;
}

/** More output than any result has: a plugin that prints this much is stopped. */
export const maxOutputBytes = 16 * 1024 * 1024;
const stderrBytes = 64 * 1024;
const sizeCheckMs = 100;
const reapMs = 2000;
/** A longer timer fires at once. */
const maxTimerMs = 2 ** 31 - 1;

/**
 * Runs plugins as child processes, each in a session and process group of its own, which is killed as a whole. Without `ownGroup`
 * they stay in the caller's, and end with it when that is killed.
 */
export function realPluginExec({ ownGroup = true }: { ownGroup?: boolean } = {}): PluginExec {
  return { find: findPlugin, run: async (call) => runPlugin(call, ownGroup) };
}

function findPlugin(type: string, dirs: readonly string[]): string | undefined {
  return dirs.map((dir) => join(dir, type)).find(isRegularFile);
}

function isRegularFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch (error) {
    // A folder of the search path that cannot be entered does not hide those behind it.
    if (errnoOf(error) !== undefined) return false;
    throw error;
  }
}

async function runPlugin(call: PluginCall, ownGroup: boolean): Promise<PluginExit> {
  const files = openStdioFiles(call.stdin);
  try {
    const stdio = [...files.fds];
    const child = spawn(call.path, [], { env: call.env, stdio, detached: ownGroup });
    const kill = (): void => (ownGroup ? killGroup(child) : void child.kill("SIGKILL"));
    const end = await waitForEnd(child, kill, call, files);
    return {
      ...end,
      stdout: end.ended === "overflow" ? "" : files.readStdout(),
      stderr: files.readStderr(stderrBytes),
    };
  } finally {
    files.close();
  }
}

type End = Pick<PluginExit, "ended" | "exitCode" | "signal" | "hung">;

async function waitForEnd(
  child: ChildProcess,
  kill: () => void,
  call: PluginCall,
  files: StdioFiles,
): Promise<End> {
  const { promise, resolve, reject } = withResolvers<End>();
  let ended: PluginExit["ended"] = "exited";
  let hung: string | undefined;
  let reapTimer: NodeJS.Timeout | undefined;
  const stop = (reason: PluginExit["ended"]): void => {
    if (ended !== "exited") return;
    ended = reason;
    kill();
    // A process in uninterruptible sleep does not die: it is left to the kernel.
    reapTimer = setTimeout(() => {
      child.unref();
      resolve({ ended, exitCode: null, signal: null, hung });
    }, reapMs);
  };
  const onAbort = (): void => stop("aborted");
  const onTimeout = async (): Promise<void> => {
    // Before it is killed: what it has started tells what it waits for.
    const { whatHangs } = await import("./what-hangs.ts");
    hung = whatHangs(child.pid, call);
    stop("timeout");
  };
  const timeout = setTimeout(
    () => void onTimeout().catch(() => stop("timeout")),
    Math.min(call.timeoutMs, maxTimerMs),
  );
  const sizeCheck = setInterval(() => {
    if (files.stdoutSize() > maxOutputBytes) stop("overflow");
  }, sizeCheckMs);
  call.signal?.addEventListener("abort", onAbort, { once: true });
  child.once("error", reject);
  child.once("exit", (exitCode, signal) => {
    if (files.stdoutSize() > maxOutputBytes) ended = "overflow";
    resolve({ ended, exitCode, signal, hung });
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timeout);
    clearTimeout(reapTimer);
    clearInterval(sizeCheck);
    call.signal?.removeEventListener("abort", onAbort);
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (errnoOf(error) !== "ESRCH") throw error;
  }
}

// Promise.withResolvers is newer than Node 20.
function withResolvers<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
