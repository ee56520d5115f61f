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
  const line =
    call?.logFormat === "json"
      ? JSON.stringify({ level: "error", msg: message, time })
      : `time="${time}" level=error msg=${JSON.stringify(message)}`;
  if (call?.log === undefined) process.stderr.write(`${line}\n`);
  else appendFileSync(call.log, `${line}\n`, { mode: 0o600 });
}
