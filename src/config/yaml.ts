import { constructFromEvents, EVENT_ID, getScalarValue, parseEvents, YAMLException } from "js-yaml";
import type { Event } from "js-yaml";

export type YamlDocument =
  | { ok: true; value: Record<string, unknown>; lineOf: (key: string) => number }
  | { ok: false; line: number; problem: string };

/**
 * A YAML 1.2 file of `key: value` lines; one with nothing but comments is empty. `lineOf` tells the line, from 1, of a key of
 * the outermost mapping.
 */
export function parseYaml(text: string): YamlDocument {
  try {
    const events = parseEvents(text, {});
    const documents = constructFromEvents(events, { source: text });
    const value = documents[0] ?? {};
    if (documents.length > 1)
      return { ok: false, line: 1, problem: "expected one document, got several ('---')" };
    if (!isMapping(value))
      return { ok: false, line: 1, problem: "expected lines of the form key: value" };
    return { ok: true, value, lineOf: (key) => lineOfKey(events, text, key) };
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    return {
      ok: false,
      line: (error.mark?.line ?? 0) + 1,
      problem: `not valid YAML: ${error.reason}`,
    };
  }
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Events come in the order of the text: a collection or document opens with its own event and ends with a POP. */
function lineOfKey(events: readonly Event[], source: string, key: string): number {
  let depth = 0;
  let nodes = 0;
  for (const event of events) {
    const opens = event.type !== EVENT_ID.SCALAR && event.type !== EVENT_ID.ALIAS;
    if (event.type === EVENT_ID.POP) {
      depth -= 1;
      continue;
    }
    // Below the document and its mapping, keys and values take turns.
    if (depth === 2) {
      const isKey = nodes++ % 2 === 0;
      if (isKey && event.type === EVENT_ID.SCALAR && getScalarValue(source, event) === key) {
        return source.slice(0, event.valueStart).split("\n").length;
      }
    }
    if (opens) depth += 1;
  }
  return 1;
}
