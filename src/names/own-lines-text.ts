import { BEGIN, END, MARK } from "./hosts-file.ts";

/**
 * `text` of a hosts file with docker-cni's own lines, each ended by a newline, between two marker comments at its end;
 * everything else stays as it is. Without lines the markers go too. Twice is the same as once.
 */
export function withOwnLines(text: string, lines: string): string {
  const rest = withoutOwnLines(text);
  if (lines === "") return rest;
  const front = rest === "" || rest.endsWith("\n") ? rest : `${rest}\n`;
  return `${front}${BEGIN}\n${lines}${END}\n`;
}

/**
 * A begin without its end (a file cut short) loses the marker and nothing else. A container writes what it likes here: only the
 * places where a marker may be are looked at, each once.
 */
function withoutOwnLines(text: string): string {
  const kept: string[] = [];
  let from = 0;
  // Where the lines begin in `kept` that an END would end.
  let begin: number | undefined;
  for (let at = text.indexOf(MARK); at !== -1; at = text.indexOf(MARK, at + 1)) {
    const marker = [BEGIN, END].find((each) => isLineAt(text, at, each));
    if (marker === undefined) continue;
    kept.push(text.slice(from, at));
    from = at + marker.length + 1;
    if (marker === BEGIN) {
      begin = kept.length;
    } else {
      if (begin !== undefined) kept.length = begin;
      begin = undefined;
    }
  }
  if (from <= text.length) return [...kept, text.slice(from)].join("");
  const front = kept.join("");
  return front.endsWith("\n") ? front.slice(0, -1) : front;
}

function isLineAt(text: string, at: number, line: string): boolean {
  const end = at + line.length;
  const isWhole = end === text.length || text[end] === "\n";
  return isWhole && (at === 0 || text[at - 1] === "\n") && text.startsWith(line, at);
}
