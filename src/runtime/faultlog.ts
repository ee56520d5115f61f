import { appendFileSync } from "node:fs";
import type { CreateCall } from "./args.ts";

/**
 * Tells the engine why a call failed, as the low-level runtime would: the last line of level error in its `--log` file is
 * what `docker run` prints. Without a log file it goes to stderr, as from the runtime itself.
 */
export function reportFault(
  call: Pick<CreateCall, "log" | "logFormat"> | undefined,
  message: string,
): void {
  const time = new Date().toISOString();
  const msg = otherWords(message);
  const line =
    call?.logFormat === "json"
      ? JSON.stringify({ level: "error", msg, time })
      : `time="${time}" level=error msg=${JSON.stringify(msg)}`;
  if (call?.log === undefined) process.stderr.write(`${line}\n`);
  else appendFileSync(call.log, `${line}\n`, { mode: 0o600 });
}

/**
 * What dockerd, and docker after it, looks for in a message, in capitals or not: with one of these the container's command is
 * to blame, and `docker run` ends with 126 or 127 in place of 125.
 */
const MISTAKABLE = [
  [/no such file or directory/gi, "no such file or folder"],
  [/executable file not found/gi, "executable not found"],
  [/permission denied/gi, "permission refused"],
  [/(is|not) a directory/gi, "$1 a folder"],
] as const;

/** The message in words that are not taken for an error of the container's command. */
function otherWords(message: string): string {
  return MISTAKABLE.reduce((text, [words, others]) => text.replaceAll(words, others), message);
}
