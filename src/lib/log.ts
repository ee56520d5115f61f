import fs from "node:fs";
import path from "node:path";
import { errnoOf } from "./errors.ts";
import { makePrivateFolder } from "./folder.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Where no other file is configured. */
export const DEFAULT_LOG_FILE = "/var/log/docker-cni.log";

/** What a line says besides its message; an Error among the values is written as type, message, code and stack. */
export interface LogFields {
  /** Full container id. */
  container?: string | undefined;
  network?: string | undefined;
  /** Plugin type, such as `bridge`. */
  plugin?: string | undefined;
  /** What was done, such as `add`, `del`, `runc create`. */
  step?: string | undefined;
  /** How long it took, in milliseconds. */
  ms?: number | undefined;
  [field: string]: unknown;
}

export interface Logger {
  debug(fields: LogFields, msg: string): void;
  info(fields: LogFields, msg: string): void;
  warn(fields: LogFields, msg: string): void;
  error(fields: LogFields, msg: string): void;
}

export interface LogOptions {
  /** Absolute path; made 0600 when missing, its folder 0700. */
  file: string;
  /** Lines below this level are not written. */
  level: LogLevel;
}

/** The numbers that pino gives its levels. */
const severities: Record<LogLevel, number> = { debug: 20, info: 30, warn: 40, error: 50 };

/**
 * A log that appends lines in pino's format to a file: one JSON object a line with `level` (20 debug, 30 info, 40 warn,
 * 50 error), `time` (milliseconds since 1970), `pid`, the fields and `msg`. The lines are put together here because pino
 * itself takes a third of a Node process's start to load, and every container start would pay it.
 *
 * The file is opened with the first line, and each line is one write, done when the call returns. Nothing is ever
 * thrown and nothing goes to stdout or stderr: where the file cannot be written the lines are lost, not the container.
 */
export function openLog(options: LogOptions): Logger {
  const threshold = severities[options.level];
  let fd: number | "closed" | undefined;
  return loggerOver((level, fields, msg) => {
    if (severities[level] < threshold || fd === "closed") return;
    fd ??= openForAppend(options.file) ?? "closed";
    if (fd !== "closed") append(fd, formatLine(level, fields, msg));
  });
}

export interface RecordedLine {
  level: LogLevel;
  fields: LogFields;
  msg: string;
}

/** A logger that keeps its lines, of every level, for a test to look at. */
export function recordingLog(): { log: Logger; lines: RecordedLine[] } {
  const lines: RecordedLine[] = [];
  return { log: loggerOver((level, fields, msg) => lines.push({ level, fields, msg })), lines };
}

/** `log` with `fields` in every line; what a line says itself goes before. */
export function withFields(log: Logger, fields: LogFields): Logger {
  return loggerOver((level, own, msg) => log[level]({ ...fields, ...own }, msg));
}

function loggerOver(write: (level: LogLevel, fields: LogFields, msg: string) => void): Logger {
  return {
    debug: (fields, msg) => write("debug", fields, msg),
    info: (fields, msg) => write("info", fields, msg),
    warn: (fields, msg) => write("warn", fields, msg),
    error: (fields, msg) => write("error", fields, msg),
  };
}

function formatLine(level: LogLevel, fields: LogFields, msg: string): string {
  const head = { level: severities[level], time: Date.now(), pid: process.pid };
  try {
    return `${JSON.stringify({ ...head, ...fields, msg }, plainValue)}\n`;
  } catch (error) {
    // A cycle, or a toJSON that throws: the message still counts.
    return `${JSON.stringify({ ...head, unwritable: String(error), msg })}\n`;
  }
}

/** JSON.stringify's replacer: errors and bigints have no JSON of their own. */
function plainValue(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (!(value instanceof Error)) return value;
  const { name: type, message, stack, cause } = value;
  return { type, message, code: errnoOf(value), stack, cause };
}

/** Without O_NONBLOCK a named pipe that nobody reads would hold up the container for ever. */
const appendFlags =
  fs.constants.O_WRONLY | fs.constants.O_APPEND | fs.constants.O_CREAT | fs.constants.O_NONBLOCK;

function openForAppend(file: string): number | undefined {
  try {
    makePrivateFolder(path.dirname(file));
    return fs.openSync(file, appendFlags, 0o600);
  } catch (error) {
    ignoreSystemError(error);
    return undefined;
  }
}

function append(fd: number, line: string): void {
  try {
    fs.writeSync(fd, line);
  } catch (error) {
    ignoreSystemError(error);
  }
}

/** Whatever the file system answers, a container does not fail for its log. */
function ignoreSystemError(error: unknown): void {
  if (errnoOf(error) === undefined) throw error;
}
