import { chmodSync, chownSync, constants, copyFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { withoutRuntime } from "./daemon-json.ts";
import type { Daemon } from "./daemon.ts";
import { type Creation, isThere, make, makeFolders, takeBack } from "./made.ts";
import {
  type EditedFile,
  type InstallNote,
  type Made,
  type NotedRegistration,
  sha256,
  writeNote,
} from "./note.ts";
import type { Setup } from "./setup.ts";
import { atPath, type FoundFile, replaceFile } from "./text-file.ts";

/** What is done, noted as it is done, and taken back when the end is not reached. */
export class Steps {
  private readonly made: Made[] = [];
  private backup: Backup | undefined;
  /** Set once the file is another. */
  private restore: (() => void) | undefined;
  private readonly setup: Setup;
  private readonly before: InstallNote;
  private note: InstallNote;

  constructor(setup: Setup, note: InstallNote) {
    this.setup = setup;
    this.before = note;
    this.note = note;
  }

  /** Gives what systemd did not do, as warnings. */
  make(creation: Creation): Promise<string[]> {
    return make(creation, this.setup.host, (made) => this.noted(made));
  }

  /** The note is written before the file: what is noted and was not done is not found when it is taken back. */
  edit(file: FoundFile, after: Uint8Array, entry: NotedRegistration): void {
    makeFolders(dirname(file.real), (made) => this.noted(made));
    this.backup = this.backUp(file);
    this.note = withEdit(this.note, { file, after, entry, backup: this.backup });
    this.replace(file, after);
  }

  /** As `edit`, of the file that docker-cni has beside podman's. */
  editPodman(file: FoundFile, bytes: Uint8Array, name: string): void {
    makeFolders(dirname(file.real), (made) => this.noted(made));
    const others = this.note.podman.filter(({ path }) => path !== file.path);
    const podman = [...others, { name, path: file.path, sha256: sha256(bytes) }];
    this.note = { ...this.note, podman };
    this.replace(file, bytes);
  }

  /** Whatever fails of it, the rest is taken back all the same. */
  async undo(daemon: Daemon | undefined): Promise<void> {
    try {
      this.restore?.();
      // Of a file that could not be put back it is the only copy.
      if (this.backup !== undefined) rmSync(this.backup.path, { force: true });
    } finally {
      try {
        await takeBack(this.made, this.setup.host);
      } finally {
        writeNote(this.setup.paths.note, this.before);
      }
    }
    if (this.restore === undefined || daemon === undefined) return;
    // What failed is told; that this fails too would hide it.
    await daemon.reload().catch(() => {});
  }

  private replace(file: FoundFile, after: Uint8Array): void {
    writeNote(this.setup.paths.note, this.note);
    replaceFile(file, after);
    this.restore = () => {
      if (file.bytes === undefined) rmSync(file.real, { force: true });
      else replaceFile(file, file.bytes);
    };
  }

  private noted(made: Made): void {
    this.made.push(made);
    this.note = { ...this.note, made: [...this.note.made, made] };
    writeNote(this.setup.paths.note, this.note);
  }

  /** What is there, unless it is what the last installation wrote: what was there before has its backup. */
  private backUp(file: FoundFile): Backup | undefined {
    const noted = this.note.files.find(({ real }) => real === file.real);
    if (file.bytes === undefined || sha256(file.bytes) === noted?.written) return undefined;
    const date = this.setup.host
      .now()
      .toISOString()
      .replaceAll(/[-:]|\.\d+/g, "");
    const path = freeName(join(dirname(file.real), `${basename(file.real)}.docker-cni-${date}`));
    atPath(path, () => {
      copyFileSync(file.real, path, constants.COPYFILE_EXCL);
      if (process.getuid?.() === 0) chownSync(path, file.uid, file.gid);
      chmodSync(path, file.mode);
    });
    return { path, sha256: sha256(file.bytes) };
  }
}

type Backup = EditedFile["backups"][number];

/** The name, or with a number behind it the first that nobody has. */
function freeName(name: string): string {
  for (let number = 1; ; number += 1) {
    const free = number === 1 ? name : `${name}-${number}`;
    if (!isThere(free)) return free;
  }
}

interface NotedEdit {
  file: FoundFile;
  after: Uint8Array;
  entry: NotedRegistration;
  backup: Backup | undefined;
}

function withEdit(note: InstallNote, { file, after, entry, backup }: NotedEdit): InstallNote {
  const noted = note.files.find(({ real }) => real === file.real);
  const earlier = noted?.registrations ?? [];
  const same = earlier.find(({ name }) => name === entry.name);
  const edited: EditedFile = {
    path: file.path,
    real: file.real,
    original: originalOf(file, noted),
    written: sha256(after),
    backups: [...(noted?.backups ?? []), ...(backup === undefined ? [] : [backup])],
    registrations: [
      ...earlier.filter(({ name }) => name !== entry.name),
      // What the first one found is what there was.
      same === undefined ? entry : { ...entry, wasThere: false, ...same, runtime: entry.runtime },
    ],
  };
  return { ...note, files: [...note.files.filter((each) => each !== noted), edited] };
}

/** What the file held before docker-cni: what others wrote since is theirs. */
function originalOf(file: FoundFile, noted: EditedFile | undefined): string | null {
  if (file.bytes === undefined) return null;
  if (noted === undefined) return Buffer.from(file.bytes).toString("base64");
  if (sha256(file.bytes) === noted.written) return noted.original;
  return Buffer.from(withoutRegistrations(file.bytes, noted)).toString("base64");
}

/** `bytes` without what is registered by these entries, the last one first. */
export function withoutRegistrations(
  bytes: Uint8Array,
  { path, registrations }: Pick<EditedFile, "path" | "registrations">,
): Uint8Array {
  return registrations.toReversed().reduce(
    (rest, { name, wasThere, madeRuntimes, previousDefault }) =>
      withoutRuntime(rest, path, {
        name,
        keep: wasThere ?? false,
        dropEmpty: madeRuntimes,
        previousDefault,
      }),
    bytes,
  );
}
