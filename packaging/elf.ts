const PT_NOTE = 4;

/** A note's content, by its place in the file. */
export interface NotePlace {
  offset: number;
  size: number;
}

/**
 * Finds the content of the note `name` in a 64-bit little-endian ELF file (elf(5), "Notes"). Undefined when the file
 * has no such note; throws when it is no such file.
 */
export function findElfNote(file: Buffer, name: string): NotePlace | undefined {
  if (file.toString("latin1", 0, 6) !== "\x7fELF\x02\x01") {
    throw new Error("not a 64-bit little-endian ELF file");
  }
  const start = Number(file.readBigUInt64LE(32));
  const entrySize = file.readUInt16LE(54);
  const count = file.readUInt16LE(56);
  for (let index = 0; index < count; index++) {
    const header = start + index * entrySize;
    if (file.readUInt32LE(header) !== PT_NOTE) continue;
    const offset = Number(file.readBigUInt64LE(header + 8));
    const size = Number(file.readBigUInt64LE(header + 32));
    const found = findIn(file, offset, offset + size, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function findIn(file: Buffer, start: number, end: number, name: string): NotePlace | undefined {
  let at = start;
  while (at + 12 <= end) {
    const nameSize = file.readUInt32LE(at);
    const size = file.readUInt32LE(at + 4);
    const offset = at + 12 + aligned(nameSize);
    if (file.toString("latin1", at + 12, at + 12 + nameSize).replace(/\0+$/, "") === name) {
      return { offset, size };
    }
    at = offset + aligned(size);
  }
  return undefined;
}

function aligned(size: number): number {
  return Math.ceil(size / 4) * 4;
}
