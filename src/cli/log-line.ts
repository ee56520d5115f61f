import { isJsonObject, type JsonObject } from "../lib/fields.ts";

/** A line of the log: `time` in milliseconds since 1970, `level` as pino numbers them, and the fields of `LogFields`. */
export interface LogLine extends JsonObject {
  level: number;
  time: number;
  msg: string;
}

/** Reads a line of the log; undefined for what is none. */
export function parseLogLine(text: string): LogLine | undefined {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (!isJsonObject(line)) return undefined;
  const { level, time, msg } = line;
  if (typeof level !== "number" || typeof time !== "number" || typeof msg !== "string") {
    return undefined;
  }
  return { ...line, level, time, msg };
}

/** The time of a line by its text alone, ms: most lines of a long log are older than what is asked for. */
export function timeOf(text: string): number | undefined {
  const [, time] = /^\{"level":\d+,"time":(\d+),/.exec(text) ?? [];
  return time === undefined ? undefined : Number(time);
}
