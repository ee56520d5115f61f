import { closeSync, openSync, readSync, fstatSync } from "node:fs";
import { errnoOf } from "../lib/errors.ts";

const BLOCK = 64 * 1024;
const LONGEST = 1024 * 1024;
const LINE_END = 10;

/**
 * The lines of a text file, the last one first, without empty ones and those of more than `longest` bytes (1 MiB). It is read in
 * pieces of `block` bytes (64 KiB), and no further than the lines are asked for. Of a file that is not there, none.
 */
export function* linesFromEnd(
  file: string,
  { block = BLOCK, longest = LONGEST } = {},
): Generator<string> {
  const fd = openIfThere(file);
  if (fd === undefined) return;
  try {
    // The pieces of the line whose beginning was not found yet, in the file's order; undefined: it is too long.
    let rest: Buffer[] | undefined = [];
    for (let end = fstatSync(fd).size; end > 0;) {
      const start = Math.max(0, end - block);
      let piece = readPiece(fd, start, end - start);
      for (let at = piece.lastIndexOf(LINE_END); at !== -1; at = piece.lastIndexOf(LINE_END)) {
        const line = lineOf(piece.subarray(at + 1), rest);
        if (line !== "") yield line;
        rest = [];
        piece = piece.subarray(0, at);
      }
      rest = extended(rest, piece, longest);
      end = start;
    }
    const first = lineOf(Buffer.alloc(0), rest);
    if (first !== "") yield first;
  } finally {
    closeSync(fd);
  }
}

function lineOf(beginning: Buffer, rest: readonly Buffer[] | undefined): string {
  return rest === undefined ? "" : Buffer.concat([beginning, ...rest]).toString();
}

function extended(rest: Buffer[] | undefined, piece: Buffer, longest: number) {
  if (rest === undefined) return undefined;
  const bytes = rest.reduce((sum, { length }) => sum + length, piece.length);
  return bytes > longest ? undefined : [piece, ...rest];
}

function readPiece(fd: number, start: number, length: number): Buffer {
  const piece = Buffer.alloc(length);
  return piece.subarray(0, readSync(fd, piece, 0, length, start));
}

function openIfThere(file: string): number | undefined {
  try {
    return openSync(file, "r");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
