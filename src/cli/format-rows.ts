import { formatter } from "./format.ts";
import { table } from "./table.ts";

export interface RowForms<T> {
  /** What `json` prints of one. */
  json: (row: T) => unknown;
  /** What a template finds in one. */
  words: (row: T) => unknown;
}

/**
 * A line for each row by Docker's `--format`; `table TEMPLATE` puts the names of the members above. Throws BAD_ARGS.
 */
export function formatRows<T>(
  template: string,
  { json, words }: RowForms<T>,
): (rows: readonly T[]) => string[] {
  const [, asTable, rest = template] = /^(table )\s*(.*)$/s.exec(template) ?? [];
  const show = formatter(rest);
  const form = rest === "json" ? json : words;
  const lines = (rows: readonly T[]): string[] => rows.map((row) => show(form(row)));
  if (asTable === undefined) return lines;
  const heading = rest.replaceAll("\\t", "\t").replaceAll(/\{\{.*?\.(\w*).*?\}\}/g, "$1");
  return (rows) => table([heading.toUpperCase(), ...lines(rows)].map((line) => line.split("\t")));
}
