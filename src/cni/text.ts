/** `text` as one line that is fit for a terminal: no control characters, at most `max` characters, cut at its end. */
export function oneLine(text: string, max: number): string {
  // Only the start is looked at: the text may be megabytes long.
  const line = flatten(text.slice(0, 4 * max));
  return line.length > max ? `${line.slice(0, max)}…` : line;
}

/** As `oneLine`, but cut at its start: of a log the last words count. */
export function lastLine(text: string, max: number): string {
  const line = flatten(text.slice(-4 * max));
  return line.length > max ? `…${line.slice(-max)}` : line;
}

function flatten(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim();
}
