import { CniError, errorCodes } from "./errors.ts";

/** A parsed JSON object whose keys are not known beforehand. */
export type JsonObject = Record<string, unknown>;

/** Whether `value` is a JSON object: not null, not an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Parses JSON text. Throws a SyntaxError for what is not JSON, and for JSON that is nested too deeply
 * to be written out again: what was read here always has to be handed on to a plugin.
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (isObject(value) || Array.isArray(value)) assertWritable(value);
  return value;
}

/** The JSON text of `value`, called `what` in the CniError that is thrown where JSON cannot say it: a bigint, a cycle. */
export function formatJson(
  value: unknown,
  what: string,
  code: number = errorCodes.invalidNetworkConfig,
): string {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    const msg = `${what} cannot be written as JSON: ${String(cause)}`;
    throw new CniError({ kind: "invalid", code, msg, cause });
  }
}

function assertWritable(value: object): void {
  try {
    JSON.stringify(value);
  } catch (error) {
    if (error instanceof RangeError)
      throw new SyntaxError("JSON is nested too deeply", { cause: error });
    throw error;
  }
}

/** What a JSON value is called in an error message: `null`, `a list`, `a string` … */
export function describeType(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
