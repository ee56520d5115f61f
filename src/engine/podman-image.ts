import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { errnoOf } from "../lib/errors.ts";
import type { SpecMounts } from "./container-dir.ts";
import { type JsonObject, isJsonObject } from "../lib/fields.ts";
import type { ImageConfig } from "./image-config.ts";

/** Where podman keeps a container: `<root>/<driver>-containers/<id>/userdata/…` of its two storage roots. */
interface Storage {
  root: string;
  driver: string;
}

/** Whether podman made the container, told by the sources of the mounts that it makes for every container. */
export function isPodman(spec: SpecMounts, id: string): boolean {
  return storagesOf(spec, id).length > 0;
}

/**
 * The annotations of the image of a podman container, as labels: podman copies them among the container's own. Read from
 * podman's storage; empty for a container without an image, undefined when it is unknown.
 */
export function readPodmanImage(spec: SpecMounts, id: string): ImageConfig[] | undefined {
  const storages = storagesOf(spec, id);
  for (const { root, driver } of storages) {
    const folder = join(root, `${driver}-containers`);
    for (const name of ["containers.json", "volatile-containers.json"]) {
      const entry = entriesOf(readJson(join(folder, name))).find((each) => each["id"] === id);
      if (entry === undefined) continue;
      const image = entry["image"];
      if (image === undefined || image === "") return [];
      return typeof image === "string" ? readManifest(storages, image) : undefined;
    }
  }
  return undefined;
}

function readManifest(storages: readonly Storage[], image: string): ImageConfig[] | undefined {
  if (!/^[0-9a-f]{64}$/.test(image)) return undefined;
  for (const { root, driver } of storages) {
    const manifest = readJson(join(root, `${driver}-images`, image, "manifest"));
    if (!isJsonObject(manifest)) continue;
    const annotations = isJsonObject(manifest["annotations"]) ? manifest["annotations"] : {};
    const labels = Object.entries(annotations).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string",
    );
    return [{ labels: Object.fromEntries(labels), env: [] }];
  }
  return undefined;
}

function storagesOf(spec: SpecMounts, id: string): Storage[] {
  const roots = (spec.mounts ?? []).flatMap(({ source }): [string, Storage][] => {
    if (typeof source !== "string") return [];
    const match = /^(\/.*\/([a-z]+)-containers)\/([^/]+)\/userdata\//.exec(source);
    if (match?.[1] === undefined || match[2] === undefined || match[3] !== id) return [];
    return [[match[1], { root: dirname(match[1]), driver: match[2] }]];
  });
  return [...new Map(roots).values()];
}

function entriesOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
