import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { errnoOf } from "../lib/errors.ts";

const BLOCK = 64 * 1024;
const LINE_END = 10;
/** Lines that are longer are left out: none of the program's own is. */
const LONGEST = 1024 * 1024;
/** How soon it is looked again for what was written, ms. */
const LOOK_AGAIN_MS = 200;

export interface ReadLogOptions {
  /** Only what is written from now on. */
  fromEnd?: boolean;
  /** Waits for what is written from now on, also to a new file of this name after a rotation. */
  follow?: boolean;
  /** Ends the waiting. */
  isOver?: () => boolean;
}

/**
 * The lines of a log, the oldest first: of `<file>.1`, which the last rotation left, and of `file`. Yields `undefined` whenever there
 * is nothing more at the moment, while it follows. A file that is not there is empty.
 */
export async function* readLog(
  file: string,
  { fromEnd = false, follow = false, isOver = () => false }: ReadLogOptions = {},
): AsyncGenerator<string | undefined> {
  if (!fromEnd && existsSync(`${file}.1`)) yield* new LogReader(`${file}.1`, false).rest();
  let reader = open(file, fromEnd);
  try {
    for (;;) {
      if (reader !== undefined) yield* reader.rest();
      if (!follow || isOver()) return;
      yield undefined;
      await pause(LOOK_AGAIN_MS);
      if (reader?.isStill(file) === true) continue;
      // What was still written to the file that went.
      if (reader !== undefined) yield* reader.rest();
      reader?.close();
      reader = open(file, false);
    }
  } finally {
    reader?.close();
  }
}

function open(file: string, fromEnd: boolean): LogReader | undefined {
  try {
    return new LogReader(file, fromEnd);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** An open file, and how far it is read. */
class LogReader {
  readonly #fd: number;
  #at: number;
  /** The beginning of a line whose end is not written yet; undefined: of one that is too long. */
  #begun: Buffer | undefined = Buffer.alloc(0);

  constructor(file: string, fromEnd: boolean) {
    this.#fd = openSync(file, "r");
    this.#at = fromEnd ? fstatSync(this.#fd).size : 0;
  }

  /** The whole lines that were not read yet. */
  *rest(): Generator<string> {
    // Somebody emptied it, as logrotate's copytruncate does.
    if (fstatSync(this.#fd).size < this.#at) {
      this.#at = 0;
      this.#begun = Buffer.alloc(0);
    }
    const block = Buffer.alloc(BLOCK);
    for (;;) {
      const length = readSync(this.#fd, block, 0, BLOCK, this.#at);
      if (length === 0) return;
      this.#at += length;
      yield* this.#linesOf(block.subarray(0, length));
    }
  }

  *#linesOf(block: Buffer): Generator<string> {
    let from = 0;
    for (let end = block.indexOf(LINE_END); end !== -1; end = block.indexOf(LINE_END, from)) {
      if (this.#begun !== undefined) {
        yield Buffer.concat([this.#begun, block.subarray(from, end)]).toString();
      }
      this.#begun = Buffer.alloc(0);
      from = end + 1;
    }
    if (this.#begun === undefined) return;
    const begun = Buffer.concat([this.#begun, block.subarray(from)]);
    this.#begun = begun.length > LONGEST ? undefined : begun;
  }

  /** Whether the file of that name is this one. */
  isStill(file: string): boolean {
    try {
      return statSync(file).ino === fstatSync(this.#fd).ino;
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return false;
      throw error;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}
