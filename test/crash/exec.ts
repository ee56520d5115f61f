import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { CommandResult } from "../e2e/harness/shell.ts";
import type { Place } from "./place.ts";

const LIMIT_MS = 90_000;

/**
 * Runs a command until its process ends, whoever still holds its output by then: a container has the streams of the
 * `create` that made it. -1 when a signal ended it, or when it took too long.
 */
export function runToExit(argv: readonly string[], place: Place): Promise<CommandResult> {
  const files = [join(place.dir, "stdout"), join(place.dir, "stderr")] as const;
  const [stdout, stderr] = [openSync(files[0], "w"), openSync(files[1], "w")];
  const [command = "", ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: place.env,
      stdio: ["ignore", stdout, stderr],
      cwd: "/",
      timeout: LIMIT_MS,
      killSignal: "SIGKILL",
    });
    child.on("error", reject);
    child.on("exit", (code) => {
      closeSync(stdout);
      closeSync(stderr);
      const [out, err] = [readFileSync(files[0], "utf8"), readFileSync(files[1], "utf8")];
      resolve({ stdout: out, stderr: err, exitCode: code ?? -1 });
    });
  });
}
