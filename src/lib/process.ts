import { spawn } from "node:child_process";
import { constants } from "node:os";

export interface CommandResult {
  /** The exit status; 128 + the signal's number when a signal ended it, as in a shell. */
  code: number;
  stderr: string;
}

export interface CommandOptions {
  /** Open descriptors that the command finds as 3, 4, … */
  fds?: readonly number[];
  env?: NodeJS.ProcessEnv;
}

/**
 * Runs a short command without a shell and waits for it; stdin and stdout are /dev/null.
 * Rejects with the spawn error (`ENOENT` when the command is not on PATH).
 */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: options.env ?? process.env,
      stdio: ["ignore", "ignore", "pipe", ...(options.fds ?? [])],
    });
    let stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code: exitStatus(code, signal), stderr }));
  });
}

/** An exit status as a shell gives it: 128 + the signal's number when a signal ended the process. */
export function exitStatus(code: number | null, signal: NodeJS.Signals | null): number {
  if (code !== null) return code;
  return 128 + (signal === null ? 0 : constants.signals[signal]);
}
