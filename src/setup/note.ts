import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
} from "node:fs";
import { dirname } from "node:path";
import * as z from "zod/mini";
import { errnoOf, ifThere, UserError } from "../lib/errors.ts";
import { atPath, writeNew } from "./text-file.ts";

const runtimeEntry = z.object({ path: z.string(), runtimeArgs: z.optional(z.array(z.string())) });

const registration = z.object({
  name: z.string(),
  runtime: runtimeEntry,
  /** Whether the file had it before: it is not ours to take away. */
  wasThere: z.optional(z.boolean()),
  /** Whether `runtimes` was made for it. */
  madeRuntimes: z.boolean(),
  /** The default before it; null: none was named. Missing: it was not made the default. */
  previousDefault: z.optional(z.nullable(z.string())),
});

const editedFile = z.object({
  /** As it was named, and where that leads. */
  path: z.string(),
  real: z.string(),
  /** What it held before the first edit, in base64; null: it was not there. */
  original: z.nullable(z.string()),
  /** The SHA-256 of what was written. */
  written: z.string(),
  backups: z.array(z.object({ path: z.string(), sha256: z.string() })),
  registrations: z.array(registration),
});

const made = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("file"), path: z.string(), sha256: z.string() }),
  z.object({ kind: z.literal("link"), path: z.string(), target: z.string() }),
  z.object({ kind: z.literal("folder"), path: z.string() }),
  z.object({ kind: z.literal("units"), names: z.array(z.string()) }),
]);

const podmanFile = z.object({ name: z.string(), path: z.string(), sha256: z.string() });

const installNote = z.object({
  version: z.literal(1),
  files: z.array(editedFile),
  podman: z.array(podmanFile),
  /** In the order in which they were made. */
  made: z.array(made),
});

export type EditedFile = z.infer<typeof editedFile>;
export type NotedRegistration = z.infer<typeof registration>;
export type Made = z.infer<typeof made>;
/** What `install` did, so that `uninstall` takes back that and nothing else. */
export type InstallNote = z.infer<typeof installNote>;

const EMPTY_NOTE: InstallNote = { version: 1, files: [], podman: [], made: [] };

/** The note of what was installed; an empty one when there is none. Throws INSTALL_FAILED when it cannot be read or understood. */
export function readNote(file: string): InstallNote {
  const text = atPath(file, () => ifThere(() => readFileSync(file, "utf8")));
  if (text === undefined) return EMPTY_NOTE;
  try {
    return installNote.parse(JSON.parse(text));
  } catch (error) {
    throw new UserError("INSTALL_FAILED", `the note of what was installed, ${file}, is broken`, {
      hint: "take back by hand what docs/registration.md names, and remove the note",
      cause: error,
    });
  }
}

/** Writes the note; an empty one is removed, with its folder when nothing else is in there. Throws INSTALL_FAILED. */
export function writeNote(file: string, note: InstallNote): void {
  atPath(file, () => putNote(file, note));
}

function putNote(file: string, note: InstallNote): void {
  if (note.files.length + note.podman.length + note.made.length === 0) {
    rmSync(file, { force: true });
    removeIfEmpty(dirname(file));
    return;
  }
  mkdirSync(dirname(dirname(file)), { recursive: true });
  if (!existsSync(dirname(file))) mkdirSync(dirname(file), { mode: 0o700 });
  const temporary = `${file}.new`;
  rmSync(temporary, { force: true });
  writeNew(temporary, Buffer.from(`${JSON.stringify(note, null, 2)}\n`), 0o600);
  chmodSync(temporary, 0o600);
  renameSync(temporary, file);
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!["ENOENT", "ENOTEMPTY"].includes(errnoOf(error) ?? "")) throw error;
  }
}

/** Whether nothing is registered any more. */
export function isEmpty({ files, podman }: InstallNote): boolean {
  return files.length === 0 && podman.length === 0;
}

/** What tells whether a file is still as it was written. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
