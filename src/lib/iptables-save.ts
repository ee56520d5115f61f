/** The lines of a table as iptables-save(8) prints them. */
export function tableOf(lines: readonly string[], table: string): string[] {
  const start = lines.indexOf(`*${table}`);
  if (start === -1) return [];
  const end = lines.indexOf("COMMIT", start);
  return lines.slice(start + 1, end === -1 ? undefined : end);
}

/** The words of a line of iptables-save(8), which quotes those with spaces. */
export function wordsOf(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(
    ([, text, word]) => text?.replaceAll(/\\(.)/g, "$1") ?? word ?? "",
  );
}
