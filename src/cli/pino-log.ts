import { pino } from "pino";
import type { LogFields, Logger, LogLevel, LogOptions } from "../lib/log.ts";

/**
 * The log of a command that lives long: as `openLog`, by pino itself, which opens the file anew at SIGHUP, as after logrotate has
 * moved it. Throws the system error where the file cannot be opened.
 */
export function pinoLog({ file, level }: LogOptions): Logger {
  const destination = pino.destination({ dest: file, sync: true, append: true, mode: 0o600 });
  process.on("SIGHUP", () => destination.reopen());
  const log = pino({ level, base: { pid: process.pid } }, destination);
  const write =
    (name: LogLevel) =>
    (fields: LogFields, msg: string): void =>
      log[name](fields, msg);
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}
