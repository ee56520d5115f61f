import { readDaemonJson } from "./daemon-json.ts";
import { type Asked, type Daemon, type EngineInfo, waitForInfo } from "./daemon.ts";
import {
  type EditedFile,
  type InstallNote,
  type NotedRegistration,
  sha256,
  writeNote,
} from "./note.ts";
import type { Setup } from "./setup.ts";
import { type FoundFile, replaceFile } from "./text-file.ts";

export interface Forgetting {
  setup: Setup;
  asked: Asked;
  daemon: Daemon;
  file: FoundFile;
  /** What the file becomes. */
  after: Uint8Array | undefined;
  going: readonly NotedRegistration[];
  note: InstallNote;
  noted: EditedFile;
}

/**
 * dockerd forgets runtimes and a default only by a file that names others: one that names none leaves them as they are. Where the file
 * becomes so, it is given one that names what stays, for a moment; the note knows that one as written.
 */
export async function forget({
  setup,
  asked,
  daemon,
  file,
  after,
  going,
  note,
  noted,
}: Forgetting): Promise<void> {
  if (file.bytes === undefined) return;
  const { value, runtimes, defaultRuntime } = readDaemonJson(file.bytes, file.path);
  const becomes = readDaemonJson(after ?? new Uint8Array(), file.path);
  const isDefault = going.some((each) => each.name === defaultRuntime && endsAsDefault(each));
  const isGoing = (name: string): boolean =>
    going.some((each) => each.name === name && each.wasThere !== true);
  if (becomes.value["runtimes"] && (!isDefault || becomes.defaultRuntime !== undefined)) return;
  const between = {
    ...value,
    runtimes: Object.fromEntries(Object.entries(runtimes).filter(([name]) => !isGoing(name))),
    ...(isDefault && { "default-runtime": becomes.defaultRuntime ?? "runc" }),
  };
  const bytes = Buffer.from(`${JSON.stringify(between, null, 2)}\n`);
  const original = after === undefined ? null : Buffer.from(after).toString("base64");
  const files = note.files.map((each) =>
    each === noted ? { ...noted, original, written: sha256(bytes) } : each,
  );
  writeNote(setup.paths.note, { ...note, files });
  replaceFile(file, bytes);
  try {
    await daemon.reload();
    await waitForInfo(asked, (info) => areForgotten(info, going));
  } catch (error) {
    replaceFile(file, file.bytes);
    writeNote(setup.paths.note, note);
    throw error;
  }
}

/** Whether the engine knows nothing of them any more. */
export function areForgotten(info: EngineInfo, going: readonly NotedRegistration[]): boolean {
  return going.every(
    (each) =>
      (each.wasThere === true || info.Runtimes?.[each.name] === undefined) &&
      (!endsAsDefault(each) || info.DefaultRuntime !== each.name),
  );
}

/** Whether its being the default ends: of a runtime that stays only what an installation made of it. */
function endsAsDefault({ wasThere, previousDefault }: NotedRegistration): boolean {
  return wasThere !== true || previousDefault !== undefined;
}
