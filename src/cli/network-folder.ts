import { linkSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import {
  CniError,
  loadAllNetworkLists,
  loadDefaultNetworkList,
  loadNetworkListFile,
  type NetworkList,
} from "../cni/index.ts";
import { errnoOf, ifThere, UserError } from "../lib/errors.ts";
import type { Move, NetworkFolder } from "../networks/file-names.ts";
import { writeNew } from "../setup/text-file.ts";

/** The networks of a folder, in the order in which they are found by name. */
export interface FoundNetworks extends NetworkFolder {
  dir: string;
  lists: NetworkList[];
  /** The name of the default network; undefined where there is none. */
  defaultName: string | undefined;
}

export async function readNetworks(dir: string): Promise<FoundNetworks> {
  const { lists } = await loadAllNetworkLists(dir);
  const first = await defaultNetwork(dir);
  return {
    dir,
    lists,
    files: networkFiles(dir),
    first: first?.file === undefined ? undefined : basename(first.file),
    defaultName: first?.name,
  };
}

/** The network of this name. Throws BAD_ARGS where there is none. */
export function pickNetwork({ lists, dir }: FoundNetworks, name: string): NetworkList {
  const list = lists.find((each) => each.name === name);
  if (list !== undefined) return list;
  const known = lists.map((each) => each.name).join(", ");
  throw new UserError("BAD_ARGS", `${dir} has no network ${JSON.stringify(name)}`, {
    hint: known === "" ? "make one with: docker-cni network create" : `there are: ${known}`,
  });
}

/**
 * Writes the file of a new network, whole or not at all, and reads it as every container's start will. Throws IN_USE where there is
 * a file of that name.
 */
export async function writeNetwork(file: string, text: string): Promise<void> {
  const folder = dirname(file);
  const temporary = join(folder, TEMPORARY);
  writing(file, () => {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    removeUnfinished(folder);
    try {
      writeNew(temporary, Buffer.from(text), 0o644);
      linkSync(temporary, file);
    } finally {
      rmSync(temporary, { force: true });
    }
  });
  try {
    await loadNetworkListFile(file);
  } catch (error) {
    rmSync(file, { force: true });
    if (!(error instanceof CniError)) throw error;
    throw new UserError("BAD_ARGS", error.msg, {
      hint: "nothing was written: look at what --plugin sets",
      cause: error,
    });
  }
}

/** Of an extension that nobody reads; the lock of the host has one writer at a time. */
const TEMPORARY = ".docker-cni-network.new";

/** What a `network create` that was cut short has left. The caller has the host's lock. */
export function removeUnfinished(dir: string): void {
  rmSync(join(dir, TEMPORARY), { force: true });
}

/** Gives files other names, one after another; the names are free, see `defaultMoves`. */
export function moveNetworks(dir: string, moves: readonly Move[]): void {
  // A link and its removal, cut short, would leave two files for one network.
  for (const { from, to } of moves) {
    writing(join(dir, to), () => renameSync(join(dir, from), join(dir, to)));
  }
}

async function defaultNetwork(dir: string): Promise<NetworkList | undefined> {
  try {
    return (await loadDefaultNetworkList(dir)).list;
  } catch (error) {
    if (error instanceof CniError && error.kind === "no-network") return undefined;
    throw error;
  }
}

function networkFiles(dir: string): string[] {
  const names = ifThere(() => readdirSync(dir)) ?? [];
  return names.filter((name) => [".conflist", ".conf", ".json"].includes(extname(name))).sort();
}

function writing(file: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    const code = errnoOf(error);
    if (code === "EEXIST") {
      throw new UserError("IN_USE", `${file} exists already; nothing was changed`, {
        hint: "give that file another name, or try again",
        cause: error,
      });
    }
    // That root is needed is told elsewhere.
    if (code === undefined || code === "EACCES" || code === "EPERM") throw error;
    throw new UserError("STATE_FAILED", `cannot write ${file}: ${code}`, {
      hint: `look at it with: df ${dirname(file)}`,
      cause: error,
    });
  }
}
