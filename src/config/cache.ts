import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { errnoOf } from "../lib/errors.ts";
import { makePrivateFolder } from "../lib/folder.ts";
import type { Config } from "./config.ts";
import type { LoadOptions } from "./load.ts";

export interface CacheOptions {
  /** Where the configurations that were read last are kept, with what they were read from. */
  file: string;
  /** Reads the configuration when that is no longer good: the parsers are loaded only then. */
  load: (file: string, options: LoadOptions) => Promise<Config>;
}

const CACHE: CacheOptions = {
  file: "/run/docker-cni/config.json",
  load: async (file, options) => (await import("./load.ts")).loadConfig(file, options),
};

/** A host has more than one where it has several runtimes of this program, or changes from one version to the next. */
const MAX_KEPT = 4;

/** A file that changed this recently, ms, may change again with the same time: a file system's clock is coarse. */
const FRESH_MS = 1000;

/**
 * As loadConfig, but a file that is still the same, by inode, size and times, is not parsed again by the same program: with
 * the YAML parser and the schema that takes a tenth of what a create needs until the runtime may begin.
 */
export async function loadCachedConfig(
  file: string,
  options: LoadOptions = {},
  cache: CacheOptions = CACHE,
): Promise<Config> {
  const [read, program] = [identityOf(file), identityOf(process.execPath)];
  const key = JSON.stringify([file, options.optional ?? false, read?.name, program?.name]);
  const kept = readKept(cache.file);
  const same = kept.find((each) => each.key === key);
  if (same !== undefined) return same.config;
  const config = await cache.load(file, options);
  const isFresh = read !== undefined && Math.abs(Date.now() - read.changedAt) < FRESH_MS;
  if (!isFresh) keep(cache.file, [{ key, config }, ...kept].slice(0, MAX_KEPT));
  return config;
}

interface Kept {
  key: string;
  config: Config;
}

/** What tells a file from every other one and from what it was before; undefined for one that is not there. */
function identityOf(file: string): { name: string; changedAt: number } | undefined {
  const stat = statSync(file, { throwIfNoEntry: false, bigint: true });
  if (stat === undefined) return undefined;
  const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs } = stat;
  return { name: [dev, ino, size, mtimeNs, ctimeNs].join(" "), changedAt: Number(ctimeMs) };
}

/** None from a file that is not there, or was cut off. */
function readKept(file: string): Kept[] {
  try {
    const kept: Kept[] = JSON.parse(readFileSync(file, "utf8"));
    return Array.isArray(kept) ? kept : [];
  } catch (error) {
    if (errnoOf(error) !== undefined || error instanceof SyntaxError) return [];
    throw error;
  }
}

/** Without a folder to write to everything works, and takes a little longer. */
function keep(file: string, kept: readonly Kept[]): void {
  const temporary = `${file}.${process.pid}`;
  try {
    makePrivateFolder(dirname(file));
    writeFileSync(temporary, JSON.stringify(kept), { mode: 0o600 });
    renameSync(temporary, file);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}
