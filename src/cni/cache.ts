import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { CniArgs } from "./args.ts";
import {
  formatCacheEntry,
  parseCacheFile,
  type CacheEntry,
  type CacheFile,
} from "./cache-entry.ts";
import { CniError, errorCodes } from "./errors.ts";
import type { JsonObject } from "./json.ts";
import { errnoOf } from "./system-error.ts";

/** What names an attachment: a container on a network under an interface name. */
export interface AttachmentKey {
  network: string;
  containerId: string;
  ifName: string;
}

/** An attachment as the last ADD left it in the cache. */
export interface CachedAttachment extends AttachmentKey {
  netns: string;
  /** The JSON text of the configuration that ADD was given. */
  config: string;
  cniArgs: CniArgs;
  capabilityArgs: Readonly<JsonObject>;
  /** True when that ADD did not succeed: all that is left to do is DEL. */
  incomplete?: true;
}

/** Where the results of ADD are kept until DEL. */
export interface AttachmentCache {
  read(key: AttachmentKey): CacheFile;
  /** Without `durable` it survives the end of the process, but not a power cut, which ends what the plugins made too. */
  write(entry: CacheEntry, options: { durable: boolean }): void;
  remove(key: AttachmentKey): void;
  list(): CacheEntry[];
}

/** What is there in place of the file and stays there; any other refusal to read may pass. */
const lasting = new Set(["EISDIR", "ELOOP"]);
const maxFileNameBytes = 255;

/**
 * The cache in libcni's own format: `<dir>/results/<network>-<container id>-<interface name>`, 0600 in 0700 folders.
 * Written by temporary file, fsync and rename; the temporary file lies outside of `results`, where libcni would read it.
 */
export function fileCache(dir: string): AttachmentCache {
  const results = join(dir, "results");
  const fileOf = (key: AttachmentKey): string => join(results, fileName(key));
  const temporaryOf = (key: AttachmentKey): string => join(dir, `.${fileName(key)}~`);
  return {
    read(key) {
      return readCacheFile(fileOf(key), key);
    },
    write(entry, { durable }) {
      const key = {
        network: entry.networkName,
        containerId: entry.containerId,
        ifName: entry.ifName,
      };
      try {
        mkdirSync(results, { recursive: true, mode: 0o700 });
        writeNew(temporaryOf(key), formatCacheEntry(entry), durable);
        renameSync(temporaryOf(key), fileOf(key));
      } catch (error) {
        throw cacheError(error, `cannot write ${fileOf(key)}`, key.network);
      }
    },
    remove(key) {
      try {
        removeFile(fileOf(key));
        removeFile(temporaryOf(key));
      } catch (error) {
        throw cacheError(error, `cannot remove ${fileOf(key)}`, key.network);
      }
    },
    list() {
      return listFiles(results).flatMap((name) => {
        const file = readCacheFile(join(results, name));
        return file.state === "entry" ? [file.entry] : [];
      });
    },
  };
}

/** Throws a CniError when the attachment's cache file could not be given its name. */
export function assertCacheable(key: AttachmentKey): void {
  // Two bytes more for the temporary file.
  if (Buffer.byteLength(fileName(key)) + 2 <= maxFileNameBytes) return;
  const msg = `network name ${JSON.stringify(key.network)} and container id ${JSON.stringify(key.containerId)} are too long together`;
  throw new CniError({ kind: "invalid", code: errorCodes.invalidEnvironment, msg });
}

/** An attachment of the cache, as callers see it. */
export function attachmentOf(entry: CacheEntry): CachedAttachment {
  const { networkName, containerId, ifName, netns, config, cniArgs, capabilityArgs } = entry;
  return {
    network: networkName,
    containerId,
    ifName,
    netns,
    config,
    cniArgs,
    capabilityArgs,
    ...(entry.incomplete && { incomplete: true }),
  };
}

function fileName({ network, containerId, ifName }: AttachmentKey): string {
  return `${network}-${containerId}-${ifName}`;
}

function readCacheFile(path: string, key?: AttachmentKey): CacheFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    if (code === "ENOENT" || code === "ENOTDIR") return { state: "missing" };
    // What cannot be read now may be another time: DEL without it would leave behind what only it tells of.
    if (key !== undefined && !lasting.has(code)) {
      throw cacheError(error, `cannot read ${path}`, key.network);
    }
    return { state: "corrupt", reason: `cannot read ${path}: ${code}` };
  }
  const file = parseCacheFile(text);
  if (file.state === "corrupt") return { state: "corrupt", reason: `${path}: ${file.reason}` };
  // "a-b" + "c" and "a" + "b-c" have one file name between them.
  return file.state === "entry" && key !== undefined && !isOf(file.entry, key)
    ? { state: "missing" }
    : file;
}

function isOf(entry: CacheEntry, key: AttachmentKey): boolean {
  const { networkName, containerId, ifName } = entry;
  return networkName === key.network && containerId === key.containerId && ifName === key.ifName;
}

function listFiles(dir: string): string[] {
  try {
    return readdirSync(dir).sort();
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw cacheError(error, `cannot read ${dir}`);
  }
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    const code = errnoOf(error);
    if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
  }
}

function writeNew(path: string, text: string, durable: boolean): void {
  const fd = openSync(path, "w", 0o600);
  try {
    writeFileSync(fd, text);
    if (durable) fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function cacheError(error: unknown, what: string, network?: string): CniError {
  const code = errnoOf(error);
  if (code === undefined) throw error;
  return new CniError({ kind: "cache", msg: `${what}: ${code}`, network, cause: error });
}
