/**
 * What Node finds in a single executable: magic (u32), flags (u32), two bytes of options, then strings, each behind its
 * length (u64): the main file's name, its code or snapshot, and (with the last flag) a count and the arguments for Node.
 */
const MAGIC = 0x0143da20;
const HEAD_BYTES = 10;

export interface SeaBlob {
  /** Everything in front of the main code's length, as it came. */
  head: Buffer;
  code: Buffer;
  /** Everything behind the main code, as it came. */
  rest: Buffer;
}

/** Takes a blob apart. Throws when it is not laid out as this Node version is known to do it. */
export function parseSeaBlob(blob: Buffer): SeaBlob {
  if (blob.readUInt32LE(0) !== MAGIC) throw new Error("not the blob of a single executable");
  const name = stringAt(blob, HEAD_BYTES);
  const code = stringAt(blob, name.end);
  return {
    head: blob.subarray(0, name.end),
    code: blob.subarray(code.start, code.end),
    rest: blob.subarray(code.end),
  };
}

/** Puts a blob together, with zeros up to `size` bytes. Throws when it needs more. */
export function formatSeaBlob({ head, code, rest }: SeaBlob, size: number): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(code.length));
  const used = head.length + length.length + code.length + rest.length;
  if (used > size) throw new Error(`the blob needs ${used} bytes, and there is room for ${size}`);
  return Buffer.concat([head, length, code, rest], size);
}

function stringAt(blob: Buffer, at: number): { start: number; end: number } {
  const start = at + 8;
  const end = start + Number(blob.readBigUInt64LE(at));
  if (end > blob.length) throw new Error("the blob of the single executable is cut off");
  return { start, end };
}
