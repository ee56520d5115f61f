import fs from "node:fs";
import path from "node:path";
import { errnoOf } from "./errors.ts";

/**
 * Makes a folder and those above it, for root alone; one that is there is fine. Throws the system error. By hand because
 * Node's own recursive mkdir never returns where the kernel answers ENOENT for a folder in /proc.
 */
export function makePrivateFolder(folder: string): void {
  if (fs.existsSync(folder)) return;
  makePrivateFolder(path.dirname(folder));
  try {
    fs.mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Another container's start was faster.
    if (errnoOf(error) !== "EEXIST") throw error;
  }
}
