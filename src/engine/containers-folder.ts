import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { errnoOf } from "../errors.ts";

/** What dockerd makes in its data root at every start, beside the folder of its containers. */
const BESIDE = "volumes";

/**
 * Whether the engine that owns `containersDir` (`<data root>/containers`) is known to be there, so that a container that has no
 * folder in it is gone. A folder that is missing, or empty and alone, is what a data root that was moved or is not mounted
 * leaves behind: it says nothing about its containers.
 */
export function isEngineThere(containersDir: string): boolean {
  try {
    if (readdirSync(containersDir).length > 0) return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
  return existsSync(join(dirname(containersDir), BESIDE));
}
