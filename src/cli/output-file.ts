import { chmodSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errnoOf, UserError } from "../lib/errors.ts";

/**
 * Replaces the file that a person named with --output: whoever reads it finds the old one or the new one. With `mode` it has that,
 * whatever the umask. Throws STATE_FAILED.
 */
export function writeOutput(file: string, text: string, mode?: number): void {
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
      hint: "name a file in a folder that is there and has space, with: --output FILE",
      cause: error,
    });
  }
}
