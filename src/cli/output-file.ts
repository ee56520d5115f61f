import { chmodSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errnoOf, UserError } from "../lib/errors.ts";

export interface OutputOptions {
  /** What the file has, whatever the umask. */
  mode?: number;
  /** By which a person named the file: for messages. */
  option?: string;
}

/** Replaces the file that a person named: whoever reads it finds the old one or the new one. Throws STATE_FAILED. */
export function writeOutput(
  file: string,
  text: string,
  { mode, option = "--output" }: OutputOptions = {},
): void {
  // Not with an ending by which others find their files.
  const temporary = join(dirname(file), `.${basename(file)}.${process.pid}.new`);
  try {
    writeFileSync(temporary, text, { flag: "wx" });
    if (mode !== undefined) chmodSync(temporary, mode);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    if (errnoOf(error) === undefined) throw error;
    throw new UserError("STATE_FAILED", `cannot write ${file}: ${errnoOf(error)}`, {
      hint: `name a file in a folder that is there and has space, with: ${option} FILE`,
      cause: error,
    });
  }
}
