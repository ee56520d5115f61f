import { execa } from "execa";

export interface CommandResult {
  stdout: string;
  stderr: string;
  exitCode: number;
}

export interface CommandOptions {
  /** The whole environment; without it, this process's own. */
  env?: Record<string, string>;
  /** Written to stdin, which is otherwise empty. */
  input?: string;
  /** Milliseconds until SIGKILL; two minutes unless told. */
  timeout?: number;
}

/** Runs a command to its end. Never rejects: a command that is missing, dies of a signal or hangs has exit code -1. */
export async function run(argv: string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [file = "", ...args] = argv;
  const result = await execa(file, args, {
    reject: false,
    timeout: options.timeout ?? 120_000,
    killSignal: "SIGKILL",
    ...(options.input === undefined ? { stdin: "ignore" } : { input: options.input }),
    ...(options.env === undefined ? {} : { env: options.env, extendEnv: false }),
  });
  const message = result.failed ? (result.message ?? "") : "";
  return {
    stdout: result.stdout,
    stderr: result.exitCode === undefined ? message : result.stderr,
    exitCode: result.exitCode ?? -1,
  };
}

/** Runs a command that has to succeed; gives its stdout, else rejects with what it printed. */
export async function must(argv: string[], options: CommandOptions = {}): Promise<string> {
  const { stdout, stderr, exitCode } = await run(argv, options);
  if (exitCode !== 0)
    throw new Error(`${argv.join(" ")}\nexit code ${exitCode}\n${stdout}\n${stderr}`);
  return stdout;
}

/** Calls `probe` until it gives something else than undefined; after `timeout` ms rejects, naming `what`. */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  timeout = 20_000,
): Promise<T> {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (Date.now() > end) throw new Error(`waited ${timeout} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
