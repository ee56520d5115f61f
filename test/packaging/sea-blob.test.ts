import { describe, expect, test } from "vitest";
import { findElfNote } from "../../packaging/elf.ts";
import { formatSeaBlob, parseSeaBlob } from "../../packaging/sea-blob.ts";

function withLength(text: string): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, Buffer.from(text)]);
}

const head = Buffer.concat([
  Buffer.from([0x20, 0xda, 0x43, 0x01, 0x13, 0, 0, 0, 0, 0]),
  withLength("main.cjs"),
]);

describe("the blob of a single executable", () => {
  const blob = Buffer.concat([head, withLength("the code"), Buffer.from("arguments")]);

  test("is taken apart and put together", () => {
    const parts = parseSeaBlob(blob);
    expect(parts.code.toString()).toBe("the code");
    expect(parts.rest.toString()).toBe("arguments");
    expect(formatSeaBlob(parts, blob.length)).toEqual(blob);
  });

  test("may have smaller code, and zeros behind", () => {
    const parts = { ...parseSeaBlob(blob), code: Buffer.from("less") };
    const formatted = formatSeaBlob(parts, blob.length);
    expect(formatted).toEqual(
      Buffer.concat([head, withLength("less"), Buffer.from("arguments\0\0\0\0")]),
    );
  });

  test("has no more room than there was", () => {
    const parts = { ...parseSeaBlob(blob), code: Buffer.from("much more code") };
    expect(() => formatSeaBlob(parts, blob.length)).toThrow(/there is room for/);
  });

  test.each([
    ["does not begin as one", Buffer.concat([Buffer.from("elf!"), blob.subarray(4)]), /not the/],
    ["is cut off", blob.subarray(0, head.length + 10), /cut off/],
  ])("is refused when it %s", (_, bytes, message) => {
    expect(() => parseSeaBlob(bytes)).toThrow(message);
  });
});

describe("a note of an ELF file", () => {
  test("is found behind others", () => {
    const file = elf();
    const place = findElfNote(file, "NODE_SEA_BLOB");
    expect(place && file.toString("latin1", place.offset, place.offset + place.size)).toBe(
      "the blob",
    );
  });

  test("is undefined when there is none, and another file is refused", () => {
    expect(findElfNote(elf(), "OTHER")).toBeUndefined();
    expect(() => findElfNote(Buffer.from("#!/bin/sh\n"), "OTHER")).toThrow(/not a 64-bit/);
  });
});

function note(name: string, content: string): Buffer {
  const sizes = Buffer.alloc(12);
  sizes.writeUInt32LE(name.length + 1, 0);
  sizes.writeUInt32LE(content.length, 4);
  return Buffer.concat([sizes, zeroPadded(`${name}\0`), zeroPadded(content)]);
}

function zeroPadded(text: string): Buffer {
  return Buffer.concat([Buffer.from(text), Buffer.alloc((4 - (text.length % 4)) % 4)]);
}

/** A file with one program header, of notes, of which the second is `NODE_SEA_BLOB`. */
function elf(): Buffer {
  const header = Buffer.alloc(64 + 56);
  header.write("\x7fELF\x02\x01", 0, "latin1");
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  const notes = Buffer.concat([note("GNU", "abcde"), note("NODE_SEA_BLOB", "the blob")]);
  header.writeUInt32LE(4, 64);
  header.writeBigUInt64LE(BigInt(header.length), 64 + 8);
  header.writeBigUInt64LE(BigInt(notes.length), 64 + 32);
  return Buffer.concat([header, notes]);
}
