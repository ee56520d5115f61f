/** JSON as parsed: nothing is known of it yet. */
export type JsonObject = Record<string, unknown>;

/** Takes an error that does not stop anything: a sentence that names what was ignored and where. */
export type Warn = (warning: string) => void;

/**
 * Reads fields of an object that others define, every one optional: what is missing or null is undefined or
 * empty, what has another type is ignored with a warning that names `file` and the field.
 */
export interface FieldReader {
  string(key: string): string | undefined;
  boolean(key: string): boolean | undefined;
  strings(key: string): string[];
  stringMap(key: string): Record<string, string>;
  object(key: string): FieldReader;
  keys(): string[];
  raw(key: string): unknown;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A reader of `value`'s fields; `file` names it in warnings. */
export function fieldReader(value: unknown, file: string, warn: Warn): FieldReader {
  const fields = isJsonObject(value) ? value : {};
  if (value !== undefined && value !== null && !isJsonObject(value)) {
    warn(`${file}: expected an object, found ${typeName(value)}`);
  }
  const get = (key: string): unknown =>
    Object.hasOwn(fields, key) ? (fields[key] ?? undefined) : undefined;
  const ignored = (key: string, expected: string, found: unknown) => {
    warn(`${file}: ${key} ignored: expected ${expected}, found ${typeName(found)}`);
  };
  return {
    string(key) {
      const found = get(key);
      if (found === undefined || typeof found === "string") return found;
      ignored(key, "a string", found);
      return undefined;
    },
    boolean(key) {
      const found = get(key);
      if (found === undefined || typeof found === "boolean") return found;
      ignored(key, "true or false", found);
      return undefined;
    },
    strings(key) {
      const found = get(key);
      if (found === undefined) return [];
      if (Array.isArray(found) && found.every((item) => typeof item === "string")) return found;
      ignored(key, "a list of strings", found);
      return [];
    },
    stringMap(key) {
      const found = get(key);
      if (found === undefined) return {};
      if (!isJsonObject(found)) {
        ignored(key, "an object of strings", found);
        return {};
      }
      const entries: [string, string][] = [];
      for (const [name, item] of Object.entries(found)) {
        if (typeof item === "string") entries.push([name, item]);
        else ignored(`${key}.${name}`, "a string", item);
      }
      return Object.fromEntries(entries);
    },
    object(key) {
      const found = get(key);
      if (found !== undefined && !isJsonObject(found)) ignored(key, "an object", found);
      return fieldReader(isJsonObject(found) ? found : {}, `${file} ${key}`, warn);
    },
    keys: () => Object.keys(fields),
    raw: get,
  };
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : `a ${typeof value}`;
}
