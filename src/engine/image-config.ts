import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { errnoOf } from "../lib/errors.ts";
import { type JsonObject, isJsonObject } from "../lib/fields.ts";

/** What an image brings along by itself. */
export interface ImageConfig {
  labels: Record<string, string>;
  /** `K=V` */
  env: string[];
}

/** Where the image of a container is named. */
export interface ImageReference {
  /** `<docker root>/containers/<id>` */
  directory: string;
  imageId: string | undefined;
  imageManifest: string | undefined;
  storageDriver: string | undefined;
}

/** Content stores of containerd, where Docker's containerd image store keeps images. */
const CONTENT_STORES = ["/var/lib/containerd", "<docker root>/containerd/daemon"];
/** index, index in it, manifest, configuration; and some */
const MAX_DEPTH = 6;
/** No image keeps a start busy with its index. */
const MAX_BLOBS = 512;

/**
 * The configuration that the container's image carries, from the engine's own files: Docker's image store
 * (`<docker root>/image/<driver>/imagedb/content/sha256/<id>`), or the content store of containerd, where an index
 * leads to manifests and these to configurations. Several configurations (an image for several platforms) are
 * given as a list. Undefined when it is unknown: the image is gone, its store is somewhere else, or an index of it leads to
 * anything that was not read, which may be what the container runs.
 */
export function readImageConfigs(
  reference: ImageReference,
  contentStores: readonly string[] = CONTENT_STORES,
): ImageConfig[] | undefined {
  const dockerRoot = dirname(dirname(reference.directory));
  const classic = readClassic(reference, dockerRoot);
  if (classic !== undefined) return [classic];
  for (const store of contentStores) {
    const root = store.replace("<docker root>", dockerRoot);
    const blobs = join(root, "io.containerd.content.v1.content", "blobs");
    for (const digest of [reference.imageManifest, reference.imageId]) {
      if (digest === undefined) continue;
      const configs = readBlobs({ blobs, left: MAX_BLOBS }, digest, MAX_DEPTH);
      if (configs !== undefined && configs.length > 0) return configs;
    }
  }
  return undefined;
}

function readClassic(reference: ImageReference, dockerRoot: string): ImageConfig | undefined {
  const hex = sha256Of(reference.imageId);
  const driver = reference.storageDriver;
  if (hex === undefined || driver === undefined || !/^[\w-]+$/.test(driver)) return undefined;
  const file = join(dockerRoot, "image", driver, "imagedb", "content", "sha256", hex);
  const image = readJson(file);
  return image === undefined ? undefined : toImageConfig(image);
}

/** A folder of blobs, and how many more of them are read. */
interface BlobReader {
  blobs: string;
  left: number;
}

/** Follows an index or a manifest to the configurations below it; undefined where one of its branches is not read. */
function readBlobs(reader: BlobReader, digest: string, depth: number): ImageConfig[] | undefined {
  const hex = sha256Of(digest);
  if (hex === undefined || depth === 0 || reader.left-- <= 0) return undefined;
  const blob = readJson(join(reader.blobs, "sha256", hex));
  if (blob === undefined) return undefined;
  if (Array.isArray(blob["manifests"])) {
    const configs: ImageConfig[] = [];
    for (const entry of blob["manifests"]) {
      const below = readBlobs(reader, digestOf(entry), depth - 1);
      if (below === undefined) return undefined;
      configs.push(...below);
    }
    return configs;
  }
  if (Array.isArray(blob["layers"])) return readBlobs(reader, digestOf(blob["config"]), depth - 1);
  return isJsonObject(blob["rootfs"]) ? [toImageConfig(blob)] : undefined;
}

function toImageConfig(image: JsonObject): ImageConfig {
  const config = isJsonObject(image["config"]) ? image["config"] : {};
  const labels = isJsonObject(config["Labels"]) ? config["Labels"] : {};
  const env: unknown[] = Array.isArray(config["Env"]) ? config["Env"] : [];
  return {
    labels: Object.fromEntries(
      Object.entries(labels).filter((entry): entry is [string, string] => {
        return typeof entry[1] === "string";
      }),
    ),
    env: env.filter((entry) => typeof entry === "string"),
  };
}

function readJson(file: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    return isJsonObject(value) ? value : undefined;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function digestOf(descriptor: unknown): string {
  const digest = isJsonObject(descriptor) ? descriptor["digest"] : undefined;
  return typeof digest === "string" ? digest : "";
}

function sha256Of(digest: string | undefined): string | undefined {
  return /^sha256:([0-9a-f]{64})$/.exec(digest ?? "")?.[1];
}
