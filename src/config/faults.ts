import { UserError } from "../lib/errors.ts";
import { nearest } from "./nearest.ts";
import { knownKeys } from "./schema.ts";

/** Something wrong in a configuration file, and the line (from 1) it stands in. */
export interface Fault {
  line: number;
  text: string;
}

/** What is used here of an issue that zod reports; `message` is what was expected. */
export interface SchemaIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** The keys that the schema does not have. */
  readonly keys?: readonly string[];
}

/** The errors that the schema found in `value`, in the order of the lines. */
export function faultsOf(
  issues: readonly SchemaIssue[],
  value: Record<string, unknown>,
  lineOf: (key: string) => number,
): Fault[] {
  const faults: Fault[] = [];
  for (const issue of issues) {
    for (const key of issue.keys ?? []) faults.push({ line: lineOf(key), text: unknownKey(key) });
    const [key, index] = issue.path;
    if (typeof key !== "string") continue;
    const whole = value[key];
    const entry =
      typeof index === "number" && Array.isArray(whole) ? (whole[index] as unknown) : whole;
    const name = typeof index === "number" ? `entry ${index + 1} of ${key}` : key;
    faults.push({
      line: lineOf(key),
      text: `${name}: expected ${issue.message}; got ${show(entry)}`,
    });
  }
  return faults.sort((a, b) => a.line - b.line);
}

/** One error for all of them, a line each; the first line says how many follow. */
export function configError(file: string, faults: readonly Fault[], cause?: unknown): UserError {
  const lines = faults.map((fault) => `${file}:${fault.line}: ${fault.text}`);
  const more = lines.length - 1;
  if (more > 0) lines[0] += ` (and ${more} more ${more === 1 ? "fault" : "faults"} below)`;
  return new UserError("BAD_CONFIG", lines.join("\n"), { cause });
}

function unknownKey(key: string): string {
  const meant = nearest(key, knownKeys);
  const advice =
    meant === undefined ? `the keys are ${knownKeys.join(", ")}` : `did you mean ${meant}?`;
  return `unknown key ${show(key)}: ${advice}`;
}

function show(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length > 80 ? `${json.slice(0, 77)}...` : json;
}
