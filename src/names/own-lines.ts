import { changeInPlace } from "./file-in-place.ts";
import { BEGIN, END, MARK } from "./hosts-file.ts";

const MARK_BYTES = Buffer.from(MARK);
const BEGIN_LINE = Buffer.from(`${BEGIN}\n`);
const END_LINE = Buffer.from(`${END}\n`);
const NEWLINE = 10;

/**
 * Writes docker-cni's own lines into a hosts file, as `withOwnLines` has them, in place. Of lines that are there nothing is written
 * but what follows them: where hundreds of files get one line more, that is that line.
 *
 * Returns false as `editInPlace` does, and `unusual` for a file that is left to `withOwnLines`.
 */
export function writeOwnLines(path: string, lines: readonly Uint8Array[]): boolean | "unusual" {
  let isUnusual = lines.length === 0;
  const isFile = changeInPlace(path, ({ bytes, replaceFrom }) => {
    if (!bytes.includes(MARK_BYTES) && bytes.at(-1) === NEWLINE && !isUnusual) {
      replaceFrom(bytes.length, [BEGIN_LINE, ...lines, END_LINE]);
      return;
    }
    const old = findOwnLines(bytes);
    if (old === undefined || isUnusual) {
      isUnusual = true;
      return;
    }
    let at = 0;
    for (const [place, part] of lines.entries()) {
      const there = old.lines.subarray(at, at + part.length);
      const same = there.equals(part.subarray(0, there.length)) ? there.length : 0;
      at += same;
      if (same === part.length) continue;
      const rest = [part.subarray(same), ...lines.slice(place + 1), END_LINE];
      replaceFrom(old.position + at, rest);
      return;
    }
    if (at < old.lines.length) replaceFrom(old.position + at, [END_LINE]);
  });
  return isFile && isUnusual ? "unusual" : isFile;
}

/**
 * The lines between the two markers, and where in the file they are. Undefined where there are none, or more than one pair, or where
 * something is behind them: that is rare, and left to `withOwnLines`.
 */
function findOwnLines(bytes: Buffer): { lines: Buffer; position: number } | undefined {
  const begin = bytes.indexOf(MARK_BYTES);
  if (begin === -1 || !isLineAt(bytes, begin, BEGIN_LINE)) return undefined;
  const position = begin + BEGIN_LINE.length;
  const end = bytes.indexOf(MARK_BYTES, position);
  if (end === -1 || end + END_LINE.length !== bytes.length) return undefined;
  if (!isLineAt(bytes, end, END_LINE)) return undefined;
  return { lines: bytes.subarray(position, end), position };
}

function isLineAt(bytes: Buffer, at: number, line: Buffer): boolean {
  const begins = at === 0 || bytes[at - 1] === NEWLINE;
  return begins && bytes.subarray(at, at + line.length).equals(line);
}
