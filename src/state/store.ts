import { ifThere } from "../lib/errors.ts";
import { readdirSync, readFileSync, readlinkSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { parseRecord, type SandboxRecord } from "./record.ts";
import { fileRuntimeNotes, noteOf, RUNTIME_NOTES, type RuntimeNotes } from "./runtime-notes.ts";
import { inState, link, makeFolder, replaceFile, syncFile } from "./files.ts";
import { fileMarks, type SandboxMarks } from "./marks.ts";

/** The sandboxes that are remembered on this host, one folder each: `<state folder>/sandboxes/<container id>/`. */
export interface SandboxStore extends SandboxMarks {
  /** The folder of all sandboxes. */
  readonly dir: string;
  /** Nothing may be written by it: who only looks has it. */
  readonly isReadOnly?: true;
  /** Which low-level runtime made a container; not in the state folder, which the launcher does not know. */
  readonly runtimeNotes: RuntimeNotes;
  /** Makes and names a folder of what all sandboxes share; its lock guards that. */
  sharedDir(what: "ports" | "hosts" | "networks" | "images" | "reserved"): string;
  /** The folder of one sandbox, whether it exists or not. */
  pathOf(id: string): string;
  /** Makes the folder of all sandboxes. */
  prepareAll(): void;
  /** Makes the sandbox's folder; throws STATE_FAILED when the disk refuses. */
  prepare(id: string): void;
  /** The record of `id`; undefined when there is none, "unreadable" when its file is no record. */
  read(id: string): SandboxRecord | "unreadable" | undefined;
  /**
   * Replaces the record: after a power cut there is the old one or the new one, unless it is not to be `durable` yet. What
   * tells whether the container is still there is beside it in the form of links, which stay readable when the record is
   * not.
   */
  write(record: SandboxRecord, options?: { durable: boolean }): void;
  /** Makes the record that was written last survive a power cut. */
  makeDurable(id: string): void;
  /** The engine's and the low-level runtime's folder of the container, as far as a record was ever written. */
  links(id: string): SandboxLinks;
  /** Forgets what is in the sandbox's folder; the folder itself stays, and with it a lock on it. */
  clear(id: string): void;
  /** Forgets the sandbox: its folder is gone, and the note of the runtime that made its container. */
  remove(id: string): void;
  /** The ids of all sandboxes. */
  list(): string[];
  /** When one was added or removed last, in ms since the epoch; undefined when there never was one. */
  changedAt(): number | undefined;
}

/** Where a container's folders are. */
export interface SandboxLinks {
  containerDir?: string;
  runtimeDir?: string;
}

/** The store in `stateDir`; the notes of runtimes are in a folder of the whole host. */
export function fileStore(stateDir: string, notesDir = RUNTIME_NOTES): SandboxStore {
  const runtimeNotes = fileRuntimeNotes(notesDir);
  const dir = join(stateDir, "sandboxes");
  const pathOf = (id: string): string => join(dir, id);
  const marks = fileMarks(stateDir);
  const recordOf = (id: string): string => join(dir, id, "record.json");
  const links = (id: string): SandboxLinks => {
    const containerDir = ifThere(() => readlinkSync(join(dir, id, "container")));
    const runtimeDir = ifThere(() => readlinkSync(join(dir, id, "runtime")));
    return { ...(containerDir && { containerDir }), ...(runtimeDir && { runtimeDir }) };
  };
  return {
    dir,
    runtimeNotes,
    pathOf,
    prepareAll: () => makeFolder(dir),
    prepare: (id) => makeFolder(pathOf(id)),
    sharedDir(what) {
      const folder = join(stateDir, what);
      makeFolder(folder);
      return folder;
    },
    read(id) {
      const text = ifThere(() => readFileSync(recordOf(id), "utf8"));
      return text === undefined ? undefined : (parseRecord(text) ?? "unreadable");
    },
    write: (record, { durable } = { durable: true }) =>
      inState(recordOf(record.id), () => {
        link(record.containerDir, join(pathOf(record.id), "container"));
        link(record.runtimeDir, join(pathOf(record.id), "runtime"));
        link(record.cniId, join(pathOf(record.id), "cni"));
        link(record.reserve, join(pathOf(record.id), "reserve"));
        replaceFile(recordOf(record.id), `${JSON.stringify(record)}\n`, durable);
      }),
    makeDurable: (id) => inState(recordOf(id), () => syncFile(recordOf(id))),
    links,
    clear(id) {
      for (const name of ifThere(() => readdirSync(pathOf(id))) ?? []) {
        rmSync(join(pathOf(id), name), { recursive: true, force: true });
      }
      marks.markUnreserved(id, false);
      // As when one is removed: others see that something was released.
      inState(dir, () => utimesSync(dir, new Date(), new Date()));
    },
    // The poststop hook may leave its mark in the folder while it goes.
    remove(id) {
      const { runtimeDir = "" } = links(id);
      const note = noteOf(runtimeNotes, { id, runtimeDir, sandbox: pathOf(id) });
      rmSync(pathOf(id), { recursive: true, force: true, maxRetries: 5 });
      marks.markUnreserved(id, false);
      if (note?.isBeingMade === false) runtimeNotes.remove(note.key);
    },
    list: () => ifThere(() => readdirSync(dir)) ?? [],
    changedAt: () => ifThere(() => statSync(dir).mtimeMs),
    ...marks,
  };
}
