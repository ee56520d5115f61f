import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { errnoOf, ifThere, UserError } from "../lib/errors.ts";
import { makePrivateFolder } from "../lib/folder.ts";
import { startOf } from "./running.ts";
import { replaceFile } from "./files.ts";

/** Where the launcher looks for them too (bin/docker-cni); like the containers they do not outlive a boot. */
export const RUNTIME_NOTES = "/run/docker-cni/runtimes";

/** A container as the low-level runtime knows it: ids are unique below one `--root`; empty: the runtime's own default. */
export interface RuntimeKey {
  root: string;
  id: string;
}

/** Which low-level runtime made a container: every later call for it goes to that one, whatever is configured by then. */
export interface RuntimeNote {
  /** The runtime, absolute. */
  path: string;
  /** The folder of its sandbox; empty for a container that was left alone. */
  sandbox: string;
  /** Whether the process that makes the container is still at work. */
  isBeingMade: boolean;
}

/** The notes, one file each; a file has three lines: the runtime, the sandbox, the process that makes the container. */
export interface RuntimeNotes {
  /**
   * Writes a note and gives what puts back what was there before. Where it cannot be written there is none: later calls go
   * to the runtime that is configured.
   */
  write(key: RuntimeKey, note: { path: string; sandbox: string }): () => void;
  read(key: RuntimeKey): RuntimeNote | undefined;
  remove(key: RuntimeKey): void;
  /** The containers of which there is a note, but not those whose note is only just being written. */
  list(): RuntimeKey[];
}

/** The notes in the folder `dir`. */
export function fileRuntimeNotes(dir: string): RuntimeNotes {
  const fileOf = (key: RuntimeKey): string => join(dir, nameOf(key));
  const textOf = (key: RuntimeKey): string | undefined =>
    canBeNoted(key) ? ifPossible(() => readFileSync(fileOf(key), "utf8")) : undefined;
  const remove = (key: RuntimeKey): void => {
    ifPossible(() => rmSync(fileOf(key), { force: true }));
  };
  const put = (key: RuntimeKey, text: string): void => {
    ifPossible(() => {
      makePrivateFolder(dir);
      replaceFile(fileOf(key), text, false);
    });
  };
  return {
    write(key, { path, sandbox }) {
      if (!canBeNoted(key) || `${path}${sandbox}`.includes("\n")) return () => {};
      const before = textOf(key);
      put(key, `${path}\n${sandbox}\n${process.pid} ${startOf(process.pid)}\n`);
      return () => (before === undefined ? remove(key) : put(key, before));
    },
    read(key) {
      const [path = "", sandbox = "", maker = ""] = textOf(key)?.split("\n") ?? [];
      if (path === "") return undefined;
      const [pid, startedAt] = maker.split(" ");
      const isBeingMade = Number(pid) > 0 && startOf(Number(pid)) === Number(startedAt);
      return { path, sandbox, isBeingMade };
    },
    remove,
    list: () =>
      (ifThere(() => readdirSync(dir)) ?? [])
        .filter((name) => {
          const file = ifThere(() => statSync(join(dir, name)));
          return file !== undefined && (file.size > 0 || Date.now() - file.mtimeMs > 60_000);
        })
        .map(keyOf),
  };
}

/** The note of a sandbox's container, whose folder the low-level runtime keeps in `runtimeDir`. */
export function noteOf(
  notes: RuntimeNotes,
  { id, runtimeDir, sandbox }: { id: string; runtimeDir: string; sandbox: string },
): (RuntimeNote & { key: RuntimeKey }) | undefined {
  // A call without --root was for the runtime's own default, which the record holds.
  for (const root of [dirname(runtimeDir), ""]) {
    const key = { root, id };
    const note = notes.read(key);
    if (note?.sandbox === sandbox) return { ...note, key };
  }
  return undefined;
}

/** With ':' for '/', and no other ':', a name stands for one container alone. */
function nameOf({ root, id }: RuntimeKey): string {
  return `${root}/${id}`.replaceAll("/", ":");
}

function keyOf(name: string): RuntimeKey {
  const path = name.replaceAll(":", "/");
  const end = path.lastIndexOf("/");
  return { root: path.slice(0, end), id: path.slice(end + 1) };
}

function canBeNoted({ root, id }: RuntimeKey): boolean {
  return !root.includes(":") && /^[^/:\n]+$/.test(id) && Buffer.byteLength(`${root}/${id}`) < 250;
}

/** What `work` gives; undefined where the system refuses it. */
function ifPossible<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (errnoOf(error) === undefined && !(error instanceof UserError)) throw error;
    return undefined;
  }
}
