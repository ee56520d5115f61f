import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  writevSync,
} from "node:fs";

import { errnoOf } from "../lib/errors.ts";

/** A container can write these files itself: nothing larger is read. */
const MAX_BYTES = 1 << 20;

/** A file that is open to be changed where it is. */
interface FileInPlace {
  /** What is in it, until the next file is opened. */
  bytes: Buffer;
  /** Writes `parts` from the byte `position` on, and cuts off what is behind them. */
  replaceFrom: (position: number, parts: readonly Uint8Array[]) => void;
}

/**
 * Changes a text file and keeps its inode: the file is bind-mounted into a container, which would go on seeing the old
 * one if it were replaced. The new text is written before the old end is cut off, so that a reader finds whole lines at
 * the beginning at any time. Nothing is written when `edit` changes nothing.
 *
 * Returns false for a file that is gone, is no regular file, or is larger than `maxBytes` (1 MiB).
 */
export function editInPlace(
  path: string,
  edit: (text: string) => string,
  maxBytes = MAX_BYTES,
): boolean {
  const change = ({ bytes, replaceFrom }: FileInPlace): void => {
    const text = bytes.toString("utf8");
    const after = edit(text);
    if (after !== text) replaceFrom(0, [Buffer.from(after)]);
  };
  return changeInPlace(path, change, maxBytes);
}

/** As `editInPlace`, for who looks at the bytes of the file and says which of them are to be written. */
export function changeInPlace(
  path: string,
  change: (file: FileInPlace) => void,
  maxBytes = MAX_BYTES,
): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ELOOP" || code === "EISDIR" || code === "ENXIO")
      return false;
    throw error;
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile() || stat.size > maxBytes) return false;
    if (scratch.length < stat.size) scratch = Buffer.allocUnsafe(stat.size);
    const length = readSync(descriptor, scratch, 0, stat.size, 0);
    change({
      bytes: scratch.subarray(0, length),
      replaceFrom: (position, parts) => {
        const end = writeAll(descriptor, parts, position);
        if (end < stat.size) ftruncateSync(descriptor, end);
      },
    });
    return true;
  } finally {
    closeSync(descriptor);
  }
}

/** Hundreds of files are read one after another: in one piece of memory. */
let scratch = Buffer.alloc(0);

/** Gives where it ended. */
function writeAll(descriptor: number, parts: readonly Uint8Array[], position: number): number {
  const end = parts.reduce((sum, { length }) => sum + length, position);
  let at = position + writevSync(descriptor, parts, position);
  if (at === end) return end;
  const bytes = Buffer.concat(parts);
  while (at < end) at += writevSync(descriptor, [bytes.subarray(at - position)], at);
  return end;
}
