import { UserError } from "../lib/errors.ts";

/**
 * What `--format` makes of a value, in the part of Go's templates that Docker's users write: `json`, `{{.Name}}`,
 * `{{.Engine.Version}}`, `{{json .Networks}}`, `{{join .Addresses ","}}`, with `\t` and `\n`. Members are those of `--json`, their
 * first letter as it may be. Throws BAD_ARGS for what is none of this, and for a member that no value has.
 */
export function formatter(template: string): (value: unknown) => string {
  if (template === "json") return (value) => JSON.stringify(value);
  const pieces = template
    .replaceAll("\\t", "\t")
    .replaceAll("\\n", "\n")
    .split(/\{\{(.*?)\}\}/s)
    .map((piece, place) => (place % 2 === 0 ? () => piece : action(piece.trim(), template)));
  return (value) => pieces.map((piece) => piece(value)).join("");
}

const PATH = String.raw`\.(?:\w+(?:\.\w+)*)?`;
const ACTION = new RegExp(`^(?:(json|upper|lower) )?(${PATH})$|^join (${PATH}) "(.*)"$`);

function action(text: string, template: string): (value: unknown) => string {
  const [, name, path, joined, separator = ""] = ACTION.exec(text) ?? [];
  const wanted = path ?? joined;
  if (wanted === undefined) throw badTemplate(`{{${text}}}`, template);
  return (value) => {
    const found = wanted
      .split(".")
      .filter((word) => word !== "")
      .reduce((from: unknown, word) => member(from, word, template), value);
    if (joined !== undefined && Array.isArray(found)) return found.map(plain).join(separator);
    if (name === "json") return JSON.stringify(found);
    const shown = plain(found);
    if (name === "upper") return shown.toUpperCase();
    return name === "lower" ? shown.toLowerCase() : shown;
  };
}

function member(from: unknown, word: string, template: string): unknown {
  if (from === null || from === undefined) return null;
  const entry =
    typeof from === "object"
      ? Object.entries(from).find(([key]) => key.toLowerCase() === word.toLowerCase())
      : undefined;
  if (entry === undefined) throw badTemplate(`.${word}`, template, from);
  return entry[1];
}

function plain(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value) && value.every((each) => typeof each === "string")) {
    return value.join(",");
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}

function badTemplate(what: string, template: string, from?: unknown): UserError {
  const names = typeof from === "object" && from !== null ? Object.keys(from) : [];
  const hint =
    names.length > 0
      ? `there are: ${names.map((name) => `.${name}`).join(", ")}`
      : 'write json, or a template such as {{.Name}}, {{json .Networks}} or {{join .Addresses ","}}';
  return new UserError("BAD_ARGS", `--format ${JSON.stringify(template)}: cannot show ${what}`, {
    hint,
  });
}
