import { readFileSync, rmSync } from "node:fs";
import { UserError } from "../lib/errors.ts";
import { readDaemonJson } from "./daemon-json.ts";
import { type Asked, type Daemon, engineInfo, findDaemon, waitForInfo } from "./daemon.ts";
import { areForgotten, forget } from "./forget.ts";
import { assertUnused } from "./in-use.ts";
import { describeRemoval, isThere, takeBack } from "./made.ts";
import {
  type EditedFile,
  type InstallNote,
  isEmpty,
  type NotedRegistration,
  readNote,
  sha256,
  writeNote,
} from "./note.ts";
import type { Setup, SetupOutcome } from "./setup.ts";
import { withoutRegistrations } from "./steps.ts";
import { findFile, type FoundFile, replaceFile } from "./text-file.ts";

/** What is asked of the removal of an installation. */
export interface UninstallRequest {
  /** The runtime; undefined: every one that was installed. */
  name: string | undefined;
  /** Docker's daemon.json. */
  daemonJson: string;
  dryRun: boolean;
  reload: boolean;
  /** Whether containers of the runtime may exist. */
  force: boolean;
}

/**
 * Takes back what `install` did to this daemon.json, and with the last registration all that was made for it. Undefined when nothing
 * was installed there. Throws IN_USE while containers of the runtime exist.
 */
export async function uninstall(
  setup: Setup,
  request: UninstallRequest,
): Promise<SetupOutcome | undefined> {
  const { paths, host } = setup;
  const note = readNote(paths.note);
  const file = findFile(request.daemonJson);
  const noted = note.files.find(({ real }) => real === file.real);
  const going = noted?.registrations.filter(
    ({ name }) => request.name === undefined || name === request.name,
  );
  if (noted === undefined || going === undefined || going.length === 0) {
    // Where the runtime was registered before, install made only what it needs besides.
    const isRest = isEmpty(note) && note.made.length > 0 && request.name === undefined;
    return isRest ? takeRestBack(setup, note, request) : undefined;
  }
  const { socket } = readDaemonJson(file.bytes ?? new Uint8Array(), file.path);
  const asked: Asked = { host, socket };
  const info = request.reload || !request.force ? await engineInfo(host, socket) : undefined;
  const names = going.filter(({ wasThere }) => wasThere !== true).map(({ name }) => name);
  if (!request.force) await assertUnused(asked, names);

  const staying = stayingOf(noted.registrations, going);
  const after = contentAfter(file, { noted, going, staying });
  const rest = noteAfter(note, { noted, staying, after });
  const isLast = isEmpty(rest);
  const outcome: SetupOutcome = {
    file: file.path,
    changes: [{ path: file.path, before: file.bytes, after }],
    done: isLast && request.dryRun ? note.made.map(describeRemoval) : [],
    reloaded: false,
    warnings: [],
  };
  if (request.dryRun) return outcome;
  const daemon = info !== undefined && request.reload ? await daemonOf(setup, file) : undefined;
  if (daemon !== undefined) {
    await forget({ setup, asked, daemon, file, after, going, note, noted });
  }
  put(file, after);
  if (isRestored(file, noted, staying)) removeBackups(noted);
  if (daemon !== undefined) {
    await daemon.reload();
    outcome.reloaded = await isTold(asked, going);
  }
  outcome.warnings.push(...warningsOf(request, daemon, outcome.reloaded));
  if (isLast) {
    const taken = await takeBack(rest.made, host);
    outcome.done = taken.done;
    outcome.warnings.push(...taken.warnings);
  }
  writeNote(paths.note, isLast ? { ...rest, made: [] } : rest);
  return outcome;
}

/** The file is as it should be: that the engine does not answer keeps nothing from being taken back. */
async function isTold(asked: Asked, going: readonly NotedRegistration[]): Promise<boolean> {
  try {
    return await waitForInfo(asked, (info) => areForgotten(info, going));
  } catch (error) {
    if (error instanceof UserError && error.code === "NO_ENGINE") return false;
    throw error;
  }
}

async function takeRestBack(
  { paths, host }: Setup,
  note: InstallNote,
  { daemonJson, dryRun }: UninstallRequest,
): Promise<SetupOutcome> {
  const nothing = { file: daemonJson, changes: [], reloaded: false };
  if (dryRun) return { ...nothing, done: note.made.map(describeRemoval), warnings: [] };
  const taken = await takeBack(note.made, host);
  writeNote(paths.note, { ...note, made: [] });
  return { ...nothing, ...taken };
}

/** What stays, each with what it gives back: where that is of one that goes, what that one would have given back. */
function stayingOf(
  all: readonly NotedRegistration[],
  going: readonly NotedRegistration[],
): NotedRegistration[] {
  const staying = all.filter((each) => !going.includes(each));
  return staying.map((each, place) => heirOf(each, going, place === 0));
}

function heirOf(
  heir: NotedRegistration,
  going: readonly NotedRegistration[],
  isFirst: boolean,
): NotedRegistration {
  const before = going.find(({ name }) => name === heir.previousDefault);
  return {
    ...heir,
    madeRuntimes: heir.madeRuntimes || (isFirst && going.some((each) => each.madeRuntimes)),
    ...(before !== undefined && { previousDefault: before.previousDefault ?? null }),
  };
}

interface Parts {
  noted: EditedFile;
  going: EditedFile["registrations"];
  staying: EditedFile["registrations"];
}

/** Whether nobody else wrote the file since, and nothing of docker-cni's stays in it. */
function isRestored(
  { bytes }: FoundFile,
  { written }: EditedFile,
  staying: Parts["staying"],
): boolean {
  return bytes !== undefined && staying.length === 0 && sha256(bytes) === written;
}

function warningsOf(
  { reload }: UninstallRequest,
  daemon: Daemon | undefined,
  isForgottenNow: boolean,
): string[] {
  if (!reload) return ["Docker was not told to read it: it forgets the runtime when it restarts"];
  if (daemon === undefined) return ["Docker does not run; it reads the file when it starts"];
  return isForgottenNow
    ? []
    : ["dockerd still has the runtime, or does not answer; it forgets it when it restarts"];
}

/** Byte by byte what was there, unless others wrote since or other registrations stay. */
function contentAfter(file: FoundFile, { noted, going, staying }: Parts): Uint8Array | undefined {
  if (file.bytes === undefined) return undefined;
  if (isRestored(file, noted, staying)) {
    return noted.original === null ? undefined : Buffer.from(noted.original, "base64");
  }
  return withoutRegistrations(file.bytes, { path: file.path, registrations: going });
}

function noteAfter(
  note: InstallNote,
  { noted, staying, after }: Pick<Parts, "noted" | "staying"> & { after: Uint8Array | undefined },
): InstallNote {
  const others = note.files.filter((each) => each !== noted);
  if (staying.length === 0 || after === undefined) return { ...note, files: others };
  const left = { ...noted, registrations: staying, written: sha256(after) };
  return { ...note, files: [...others, left] };
}

function put(file: FoundFile, after: Uint8Array | undefined): void {
  if (file.bytes === undefined) return;
  if (after === undefined) rmSync(file.real);
  else replaceFile(file, after);
}

/** What is in place again byte by byte needs no backup; others stay. */
function removeBackups({ backups }: EditedFile): void {
  for (const { path, sha256: digest } of backups) {
    if (isThere(path) && sha256(readFileSync(path)) === digest) rmSync(path);
  }
}

async function daemonOf({ paths, host }: Setup, file: FoundFile): Promise<Daemon> {
  const json = readDaemonJson(file.bytes ?? new Uint8Array(), file.path);
  return findDaemon({ paths, host, file, json });
}
