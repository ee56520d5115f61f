import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { errnoOf, UserError } from "../lib/errors.ts";
import type { Spec } from "./spec.ts";

/** An OCI bundle: a folder with the container's config.json (OCI Runtime Specification, bundle.md). */
export interface Bundle {
  dir: string;
  spec: Spec;
  /** config.json as it was read, byte for byte. */
  original: string;
}

/** Reads the bundle at `dir`. Throws BAD_BUNDLE when its config.json is missing or no JSON object. */
export function readBundle(dir: string): Bundle {
  const file = join(resolve(dir), "config.json");
  let original: string;
  try {
    original = readFileSync(file, "utf8");
  } catch (error) {
    throw new UserError("BAD_BUNDLE", `cannot read ${file}: ${errnoOf(error) ?? String(error)}`, {
      cause: error,
    });
  }
  return { dir: resolve(dir), spec: parseSpec(original, file), original };
}

function parseSpec(text: string, file: string): Spec {
  let spec: Spec | null;
  try {
    spec = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UserError("BAD_BUNDLE", `${file} is not JSON: ${error.message}`, { cause: error });
  }
  if (typeof spec !== "object" || spec === null || Array.isArray(spec)) {
    throw new UserError("BAD_BUNDLE", `${file} holds no JSON object`);
  }
  return spec;
}

/**
 * Replaces the bundle's config.json: whoever reads it meanwhile sees the old file or the new one. Mode and owner stay.
 */
export function writeSpec(bundle: Bundle, text: string): void {
  const file = join(bundle.dir, "config.json");
  const temporary = join(bundle.dir, `.config.json.${process.pid}`);
  try {
    const { mode } = statSync(file);
    writeFileSync(temporary, text, { mode: mode & 0o777 });
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new UserError("BAD_BUNDLE", `cannot write ${file}: ${errnoOf(error) ?? String(error)}`, {
      cause: error,
    });
  }
}
