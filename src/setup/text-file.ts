import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { errnoOf, ifThere, UserError } from "../lib/errors.ts";

/** A file of the host's as it is found, or the place where it is not. */
export interface FoundFile {
  /** The path that was asked for. */
  path: string;
  /** Where it is, through all symbolic links. */
  real: string;
  /** Undefined: it is not there. */
  bytes: Uint8Array | undefined;
  mode: number;
  uid: number;
  gid: number;
}

/** No configuration is that long. */
const LONGEST = 4 * 1024 * 1024;

const NEW_MODE = 0o644;

/** Reads a file that is to be edited. Throws BAD_DAEMON_JSON for what is no file, and for what is not to be written. */
export function findFile(path: string): FoundFile {
  const real = realPath(path);
  const stat = ifThere(() => statSync(real));
  if (stat === undefined) {
    return { path, real, bytes: undefined, mode: NEW_MODE, uid: 0, gid: 0 };
  }
  if (stat.isDirectory()) throw refused(path, "it is a folder");
  if (!stat.isFile()) throw refused(path, "it is no regular file");
  if (stat.size > LONGEST) throw refused(path, `it has ${stat.size} bytes`);
  const mode = stat.mode & 0o7777;
  if ((mode & 0o200) === 0) {
    const octal = mode.toString(8).padStart(4, "0");
    throw refused(path, `it is read-only (mode ${octal}), so somebody else looks after it`);
  }
  return { path, real, bytes: readFileSync(real), mode, uid: stat.uid, gid: stat.gid };
}

/** Puts bytes in the place of a file, with its owner and mode, by a temporary file beside it and a rename. */
export function replaceFile({ path, real, mode, uid, gid }: FoundFile, bytes: Uint8Array): void {
  const temporary = `${real}.docker-cni-${process.pid}`;
  try {
    writeNew(temporary, bytes, mode);
    if (process.getuid?.() === 0) chownSync(temporary, uid, gid);
    chmodSync(temporary, mode);
    renameSync(temporary, real);
    syncFolder(dirname(real));
  } catch (error) {
    rmSync(temporary, { force: true });
    if (errnoOf(error) === undefined) throw error;
    throw refused(path, `it cannot be written: ${errnoOf(error)}`, error);
  }
}

/** What `work` gives, which reads or writes what is at `path`. Throws INSTALL_FAILED for an error of the system's. */
export function atPath<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    throw new UserError("INSTALL_FAILED", `cannot read or write ${path}: ${code}`, {
      hint: "see whether its file system is read-only or full, and who may write there",
      cause: error,
    });
  }
}

/** Writes a file that is not there yet; throws EEXIST when it is. */
export function writeNew(path: string, bytes: Uint8Array, mode: number): void {
  const fd = openSync(path, "wx", mode);
  try {
    writeFileSync(fd, bytes);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Where a path leads. A link to what is not there leads to where that would be. */
function realPath(path: string, left = 40): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (errnoOf(error) === "ELOOP" || left === 0)
      throw refused(path, "its links form a loop", error);
    if (errnoOf(error) === "ENOTDIR") throw refused(path, "a folder of its path is a file", error);
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  try {
    return realPath(resolve(dirname(path), readlinkSync(path)), left - 1);
  } catch (error) {
    if (errnoOf(error) === "EINVAL" || errnoOf(error) === "ENOENT") return path;
    throw error;
  }
}

function refused(path: string, why: string, cause?: unknown): UserError {
  return new UserError("BAD_DAEMON_JSON", `${path}: ${why}; nothing was changed`, {
    hint: "name the file that Docker reads with --config-file, or register docker-cni by hand: docs/registration.md",
    ...(cause !== undefined && { cause }),
  });
}
