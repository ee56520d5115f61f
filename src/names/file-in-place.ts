import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";

import { errnoOf } from "../lib/errors.ts";

/** A container can write these files itself: nothing larger is read. */
const MAX_BYTES = 1 << 20;

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
    const before = Buffer.alloc(stat.size);
    const length = readSync(descriptor, before, 0, stat.size, 0);
    const text = before.toString("utf8", 0, length);
    const after = edit(text);
    if (after === text) return true;
    const bytes = Buffer.from(after);
    for (let at = 0; at < bytes.length;)
      at += writeSync(descriptor, bytes, at, bytes.length - at, at);
    ftruncateSync(descriptor, bytes.length);
    return true;
  } finally {
    closeSync(descriptor);
  }
}
