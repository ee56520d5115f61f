import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

/** The text of a file, by its path in the repository. */
export function read(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

/** Every page for people, by its path in the repository. */
export const pages: readonly string[] = globSync(["*.md", "docs/**/*.md"], {
  cwd: root,
}).toSorted();

/** The files of the source that match, by their paths in the repository. */
export function sources(pattern: string): string[] {
  return globSync(pattern, { cwd: root }).toSorted();
}

/** The text of a page without its code blocks. */
export function prose(file: string): string {
  return read(file).replaceAll(/^ *```.*?^ *```$/gms, "");
}

/** The code blocks of a page in one language; "" for those that name none. */
export function codeBlocks(file: string, language: string): string[] {
  const blocks = [...read(file).matchAll(/^( *)```(\w*)\n(.*?)^ *```$/gms)];
  return blocks
    .filter(([, , named]) => named === language)
    .map(([, indent = "", , text = ""]) => text.replaceAll(new RegExp(`^${indent}`, "gm"), ""));
}

/** The headings of a page, without their marks, with the anchor that GitHub gives each. */
export function headings(file: string): { text: string; anchor: string }[] {
  const seen = new Map<string, number>();
  return [...prose(file).matchAll(/^#+ (.+)$/gm)].map(([, marked = ""]) => {
    const text = marked.replaceAll(/`|\[(.*?)\]\(.*?\)/g, "$1");
    const slug = text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_\- ]/gu, "")
      .replaceAll(" ", "-");
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return { text, anchor: before === 0 ? slug : `${slug}-${before}` };
  });
}
