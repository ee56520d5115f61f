/**
 * Edits the text of valid JSON in place, so that what is not edited stays as it is written: JSON.parse loses integers above 2^53
 * and the form of every number.
 */

interface Span {
  start: number;
  end: number;
}

/**
 * `object`, the text of a JSON object, with its member `key` replaced by what `edit` makes of its value. A member that is missing
 * or null begins as `empty`. Of several members of that name the last counts, as for JSON.parse.
 */
export function editMember(
  object: string,
  key: string,
  empty: string,
  edit: (value: string) => string,
): string {
  const parts = partsOf(object);
  let found: Span | undefined;
  for (const part of parts) {
    const nameEnd = endOfString(object, part.start);
    const name: unknown = JSON.parse(object.slice(part.start, nameEnd));
    if (name !== key) continue;
    found = { start: skipSpace(object, skipSpace(object, nameEnd) + 1), end: part.end };
  }
  if (found === undefined) {
    const member = `${JSON.stringify(key)}:${edit(empty)}`;
    const at = object.indexOf("{") + 1;
    return `${object.slice(0, at)}${member}${parts.length > 0 ? "," : ""}${object.slice(at)}`;
  }
  const value = object.slice(found.start, found.end).trimEnd();
  const edited = edit(value === "null" ? empty : value);
  return object.slice(0, found.start) + edited + object.slice(found.start + value.length);
}

/** The texts of the elements of `array`, the text of a JSON array. */
export function elementsOf(array: string): string[] {
  return partsOf(array).map(({ start, end }) => array.slice(start, end).trimEnd());
}

/** What stands between the commas of an object or array, each from its first character that is no white space. */
function partsOf(text: string): Span[] {
  const parts: Span[] = [];
  let depth = 0;
  let start = 0;
  for (let at = skipSpace(text, 0); at < text.length; at++) {
    const character = text[at];
    if (character === '"') {
      at = endOfString(text, at) - 1;
    } else if (character === "{" || character === "[") {
      if (depth++ === 0) start = skipSpace(text, at + 1);
    } else if (character === "}" || character === "]") {
      if (--depth > 0) continue;
      if (start < at) parts.push({ start, end: at });
      return parts;
    } else if (character === "," && depth === 1) {
      parts.push({ start, end: at });
      start = skipSpace(text, at + 1);
    }
  }
  return parts;
}

/** The position behind the string that begins at `at`. */
function endOfString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); ; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text[end - 1 - escapes] === "\\") escapes++;
    if (escapes % 2 === 0) return end + 1;
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && " \t\n\r".includes(text[at] ?? "")) at++;
  return at;
}
