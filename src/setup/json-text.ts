import { applyEdits, type Edit, type Node } from "jsonc-parser";

/** How a JSON text is laid out. */
interface JsonStyle {
  /** `\n` or `\r\n`. */
  eol: string;
  /** One step of indentation: a tabulator, or some spaces. */
  indent: string;
  /** Whether it goes over several lines at all. */
  lines: boolean;
}

/** The layout of `text`; of one that has none, that of Docker's documentation. */
function styleOf(text: string): JsonStyle {
  const [, indent = "  "] = /^([ \t]+)"/m.exec(text) ?? [];
  const content = text.trim();
  return {
    eol: text.includes("\r\n") ? "\r\n" : "\n",
    indent,
    lines: content.includes("\n") || /^(\{\s*\})?$/.test(content),
  };
}

/** Puts a property behind the last one of an object. Nothing else of the text changes. */
export function addProperty(text: string, object: Node, [key, value]: [string, unknown]): string {
  const style = styleOf(text);
  const last = object.children?.at(-1);
  const close = object.offset + object.length - 1;
  // Behind a comment that stands behind the last property.
  const end = object.offset + text.slice(object.offset, close).trimEnd().length;
  const inLines = last === undefined ? style.lines : isInLines(text, object);
  const outer = indentOf(text, object.offset);
  const inner = last === undefined ? outer + style.indent : indentOf(text, firstOffset(object));
  const property = `${JSON.stringify(key)}:${spaced(text) || inLines ? " " : ""}`;
  const edits: Edit[] = last === undefined ? [] : [insertion(last.offset + last.length, ",")];
  if (inLines) {
    const after = text.slice(end, close).includes("\n") ? "" : style.eol + outer;
    edits.push(
      insertion(end, style.eol + inner + property + inLinesValue(value, inner, style) + after),
    );
  } else {
    const space = last !== undefined && spaced(text) ? " " : "";
    // A comment goes on to the end of its line, and would swallow what comes behind it.
    const from = last === undefined ? object.offset : last.offset + last.length;
    const gap = text.slice(from, end).includes("//") ? style.eol + outer : space;
    edits.push(insertion(end, gap + property + inlineValue(value, text)));
  }
  return applyEdits(text, edits);
}

/** Puts another value in the place of one. */
export function replaceValue(text: string, node: Node, value: unknown): string {
  const style = styleOf(text);
  const content = style.lines
    ? inLinesValue(value, indentOf(text, node.offset), style)
    : inlineValue(value, text);
  return applyEdits(text, [{ offset: node.offset, length: node.length, content }]);
}

/** Takes a property out of its object, with its comma; comments beside it stay. */
export function removeProperty(text: string, object: Node, property: Node): string {
  const all = object.children ?? [];
  const place = all.indexOf(property);
  const [previous, next] = [all[place - 1], all[place + 1]];
  const end = property.offset + property.length;
  if (previous !== undefined) {
    const from = previous.offset + previous.length;
    const between = text.slice(from, property.offset).replace(",", "").trimEnd();
    const content = closed(between, text.slice(end));
    return applyEdits(text, [{ offset: from, length: end - from, content }]);
  }
  if (next !== undefined) {
    const between = text.slice(end, next.offset).replace(",", "").trimStart();
    return applyEdits(text, [
      { offset: property.offset, length: next.offset - property.offset, content: between },
    ]);
  }
  const start = object.offset + 1;
  const before = text.slice(start, property.offset).trimEnd();
  const close = object.offset + object.length - 1;
  const empty = before === "" && text.slice(end, close).trim() === "";
  const length = (empty ? close : end) - start;
  const content = closed(before, text.slice(start + length));
  return applyEdits(text, [{ offset: start, length, content }]);
}

/** A comment that goes on to the end of its line has that end, whatever comes behind it. */
function closed(comment: string, behind: string): string {
  return comment.includes("//") && !/^\s*\n/.test(behind) ? `${comment}\n` : comment;
}

function insertion(offset: number, content: string): Edit {
  return { offset, length: 0, content };
}

function isInLines(text: string, object: Node): boolean {
  return text.slice(object.offset, firstOffset(object)).includes("\n");
}

function firstOffset(object: Node): number {
  return object.children?.[0]?.offset ?? object.offset;
}

/** What the line of this place begins with. */
function indentOf(text: string, offset: number): string {
  const line = text.slice(text.lastIndexOf("\n", offset - 1) + 1);
  return /^[ \t]*/.exec(line)?.[0] ?? "";
}

function spaced(text: string): boolean {
  return /":[ \t]/.test(text);
}

function inLinesValue(value: unknown, indent: string, style: JsonStyle): string {
  return JSON.stringify(value, null, style.indent).replaceAll("\n", style.eol + indent);
}

function inlineValue(value: unknown, text: string): string {
  return spaced(text)
    ? JSON.stringify(value, null, 1).replaceAll(/\n\s*/g, " ")
    : JSON.stringify(value);
}
