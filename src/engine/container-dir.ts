import { existsSync, opendirSync } from "node:fs";
import { basename, dirname, isAbsolute, join, normalize } from "node:path";
import { errnoOf } from "../lib/errors.ts";

/** The part of an OCI spec that tells where Docker keeps its files of the container. */
export interface SpecMounts {
  mounts?: readonly { destination?: unknown; source?: unknown }[] | undefined;
  root?: { path?: unknown } | undefined;
}

const FILES = new Map([
  ["/etc/hosts", "hosts"],
  ["/etc/hostname", "hostname"],
  ["/etc/resolv.conf", "resolv.conf"],
]);

/**
 * The file on the host that the engine made for this container and mounted at `destination`: its path has the container's
 * id in it. Undefined for a file of the user's own.
 */
export function findEngineFile(
  spec: SpecMounts,
  id: string,
  destination: "/etc/hosts" | "/etc/resolv.conf",
): string | undefined {
  const mount = spec.mounts?.findLast(
    (each) => typeof each.destination === "string" && normalize(each.destination) === destination,
  );
  const source = mount?.source;
  if (typeof source !== "string" || !isAbsolute(source)) return undefined;
  const parts = normalize(source).split("/");
  return parts.at(-1) === basename(destination) && parts.slice(0, -1).includes(id)
    ? normalize(source)
    : undefined;
}

/**
 * Docker's own directory of the container, `<docker root>/containers/<id>`, told by the source of the mounts
 * that Docker makes of the files in it; where these are all the user's own, by Docker's /dev/shm or by the root file
 * system, which is in the same data root. Undefined where nothing has that very form with that very id: podman,
 * ctr, a bundle made by hand.
 */
export function findContainerDir(spec: SpecMounts, id: string): string | undefined {
  for (const mount of spec.mounts ?? []) {
    const { destination, source } = mount;
    if (typeof destination !== "string" || typeof source !== "string") continue;
    const file = FILES.get(normalize(destination));
    if (file === undefined || !isAbsolute(source) || basename(source) !== file) continue;
    const directory = dirname(normalize(source));
    if (isDirectoryOf(directory, id)) return directory;
  }
  return placesBeside(spec, id).find((directory) => existsSync(join(directory, "config.v2.json")));
}

function isDirectoryOf(directory: string, id: string): boolean {
  return basename(directory) === id && basename(dirname(directory)) === "containers";
}

/** Where the container's directory may be by what else of the spec is in a data root; nothing of it need be there. */
function placesBeside(spec: SpecMounts, id: string): string[] {
  const shm = spec.mounts?.find(({ destination }) => destination === "/dev/shm")?.source;
  const ofShm = typeof shm === "string" ? ancestorsOf(shm) : [];
  const ofRoot = typeof spec.root?.path === "string" ? ancestorsOf(spec.root.path) : [];
  return [
    ...ofShm.filter((folder) => isDirectoryOf(folder, id)),
    ...ofRoot.map((folder) => join(folder, "containers", id)),
  ];
}

/** The folders above an absolute path, the nearest first. */
function ancestorsOf(path: string): string[] {
  const folders = [];
  if (!isAbsolute(path)) return [];
  for (let folder = dirname(normalize(path)); folder !== "/"; folder = dirname(folder)) {
    folders.push(folder);
  }
  return folders;
}

/** What dockerd makes in its data root at every start, beside the folder of its containers. */
const BESIDE = "volumes";

/**
 * Whether the engine that owns `containersDir` (`<data root>/containers`) is known to be there, so that a container that has no
 * folder in it is gone. A folder that is missing, or empty and alone, is what a data root that was moved or is not mounted
 * leaves behind: it says nothing about its containers.
 */
export function isEngineThere(containersDir: string): boolean {
  try {
    if (hasEntries(containersDir)) return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
  return existsSync(join(dirname(containersDir), BESIDE));
}

/** Reads no more of the folder than it has to: this is asked of each of many containers in it. */
function hasEntries(dir: string): boolean {
  const entries = opendirSync(dir, { bufferSize: 1 });
  try {
    return entries.readSync() !== null;
  } finally {
    entries.closeSync();
  }
}
