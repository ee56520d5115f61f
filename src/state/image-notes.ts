import { ifThere } from "../lib/errors.ts";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { isEngineThere } from "../engine/container-dir.ts";
import type { ImageConfig } from "../engine/image-config.ts";
import { inState, replaceFile } from "./files.ts";
import type { SandboxStore } from "./store.ts";

/** What a container's image brought along, noted while the image was there. */
interface ImageNote {
  /** The engine's folder of the container. */
  containerDir: string;
  images: ImageConfig[];
}

/**
 * What a container's image brings along: `found`, which is noted for the container's life, else what was noted when it was
 * there. Undefined where neither tells. `id` is a valid container id.
 */
export function rememberImages(
  store: SandboxStore,
  { id, containerDir }: { id: string; containerDir: string },
  found: ImageConfig[] | undefined,
): ImageConfig[] | undefined {
  if (found === undefined) return notedImages(store, id);
  if (store.isReadOnly === true) return found;
  const file = join(store.sharedDir("images"), id);
  const before = ifThere(() => readFileSync(file, "utf8"));
  const text = `${JSON.stringify({ containerDir, images: found } satisfies ImageNote)}\n`;
  if (text !== before) inState(file, () => replaceFile(file, text, false));
  return found;
}

/** What was noted of the container's image; undefined where nothing was. */
export function notedImages(store: SandboxStore, id: string): ImageConfig[] | undefined {
  const text = ifThere(() => readFileSync(join(dirname(store.dir), "images", id), "utf8"));
  return text === undefined ? undefined : parseNote(text)?.images;
}

/** Removes the notes of containers that are gone, where their engine is there to tell. */
export function dropImageNotes(store: SandboxStore): void {
  const dir = join(dirname(store.dir), "images");
  for (const name of ifThere(() => readdirSync(dir)) ?? []) {
    const file = join(dir, name);
    const text = ifThere(() => readFileSync(file, "utf8"));
    const containerDir = text === undefined ? undefined : parseNote(text)?.containerDir;
    const mayBeThere =
      containerDir !== undefined &&
      (existsSync(containerDir) || !isEngineThere(dirname(containerDir)));
    if (!mayBeThere) inState(file, () => rmSync(file, { force: true }));
  }
}

/** Undefined where a power cut left no whole note. */
function parseNote(text: string): ImageNote | undefined {
  try {
    const note: ImageNote | null = JSON.parse(text);
    return typeof note?.containerDir === "string" && Array.isArray(note.images) ? note : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
