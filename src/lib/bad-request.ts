import { UserError } from "./errors.ts";

/** Where a request was made, as the operator would write it: `--label cni.ip`, `-p`. */
export interface RequestSource {
  flag: string;
  value: string;
}

/** The longest value that is read at all, in characters. */
const MAX_VALUE = 8192;
const MAX_SHOWN = 80;

/**
 * The error for a request that cannot be met as it was written.
 *
 * @param problem what is wrong, without the value
 * @param example a right value for the same flag
 */
export function badRequest(source: RequestSource, problem: string, example: string): UserError {
  return new UserError("BAD_REQUEST", `${source.flag}=${shown(source.value)}: ${problem}`, {
    hint: `for example ${source.flag}=${example}`,
  });
}

/** Somebody else's text for use in a message: quoted, without control characters, cut at 80 characters. */
export function shown(text: string): string {
  const quoted = JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);
  // JSON escapes the control characters below U+0020 alone.
  return quoted.replaceAll(
    /\p{Cc}/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The items of a comma-separated list, trimmed; throws for an empty item, for too many and for too long a list. */
export function listItems(source: RequestSource, max: number, example: string): string[] {
  if (source.value.length > MAX_VALUE) {
    throw badRequest(source, `longer than ${MAX_VALUE} characters`, example);
  }
  const items = source.value.split(",").map((item) => item.trim());
  if (items.includes("")) {
    const problem = source.value.trim() === "" ? "the value is empty" : "an item is empty";
    throw badRequest(source, problem, example);
  }
  if (items.length > max) throw badRequest(source, `more than ${max} items`, example);
  return items;
}
