import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../lib/errors.ts";

/**
 * What Docker calls the container of the folder `directory` now; undefined where that is not told. Read without parsing all of
 * config.v2.json, as it is asked of many containers at once; undefined too where a label has the form of the name.
 */
export function nameInDocker(directory: string): string | undefined {
  try {
    const text = readFileSync(join(directory, "config.v2.json"), "utf8");
    const [found, ...others] = text.matchAll(/"Name":"\/([\w.-]+)"/g);
    return others.length === 0 ? found?.[1] : undefined;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
