import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { errnoOf, ifThere, UserError } from "../lib/errors.ts";

/** Makes a folder of the state, those above it too, for root alone. */
export function makeFolder(path: string): void {
  inState(path, () => {
    if (ifThere(() => makeOne(path)) !== undefined) return;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    makeOne(path);
  });
}

/** mkdir by itself, and not Node's for a whole path, tells why a disk refuses. */
function makeOne(path: string): true {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
  }
  return true;
}

/** Makes the link, or replaces one that leads elsewhere; an empty target is one that is not known. */
export function link(target: string | undefined, path: string): void {
  if (target === undefined || target === "") return;
  try {
    symlinkSync(target, path);
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
    if (readlinkSync(path) === target) return;
    const temporary = `${path}.new`;
    rmSync(temporary, { force: true });
    symlinkSync(target, temporary);
    renameSync(temporary, path);
  }
}

/** Replaces a file: whoever reads it finds the old one or the new one; if it is `durable`, after a power cut too. */
export function replaceFile(file: string, text: string, durable: boolean): void {
  const temporary = `${file}.new`;
  const fd = openSync(temporary, "w", 0o600);
  try {
    writeSync(fd, text);
    if (durable) fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, file);
}

/** Waits until what is in a file, and its name, would survive a power cut. */
export function syncFile(file: string): void {
  const fd = openSync(file, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Runs what writes to `path`; what the disk refuses is thrown as STATE_FAILED. */
export function inState(path: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    throw new UserError(
      "STATE_FAILED",
      `cannot write ${path}: ${errnoOf(error) ?? String(error)}`,
      {
        hint: "the state folder (state_dir) needs space and has to be writable",
        cause: error,
      },
    );
  }
}
