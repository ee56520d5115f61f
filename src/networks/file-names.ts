import { extname } from "node:path";
import { UserError } from "../lib/errors.ts";

/** A file that is to be called otherwise. */
export interface Move {
  from: string;
  to: string;
}

/** The folder of networks, as kubelet and docker-cni read it: the first file by name is the default network. */
export interface NetworkFolder {
  /** The names of all files, those that cannot be used too. */
  files: readonly string[];
  /** The file of the default network; undefined where there is none. */
  first: string | undefined;
}

/** The beginnings that come before others, the least urgent first; of a digit alone comes before any of two. */
const AHEAD = ["10", "09", "08", "07", "06", "05", "04", "03", "02", "01", "00", "0"];
const BEHIND = ["50", "90", "99"];

/**
 * The file name of a new network: behind the default network's, or with `isDefault` in front of all. Throws IN_USE where no name
 * comes in front.
 */
export function newFileName(
  name: string,
  { files, first }: NetworkFolder,
  isDefault: boolean,
): string {
  if (isDefault || first === undefined) return aheadOf(files, `${name}.conflist`);
  const names = BEHIND.map((number) => `${number}-${name}.conflist`);
  // An underscore comes behind the dot of an extension.
  const last = `${first.slice(0, -extname(first).length)}_${name}.conflist`;
  return [...names, last].find((each) => each > first && !files.includes(each)) ?? last;
}

/**
 * What makes the network of `file` the default, one after another: it is the first one from the first step on. A network that had
 * to be put in front of the usual place goes back. Throws IN_USE where no name comes in front.
 */
export function defaultMoves(file: string, { files, first }: NetworkFolder): Move[] {
  if (first === undefined || file === first) return [];
  const name = file.replace(/^\d+-/, "");
  let others = files.filter((each) => each !== file);
  const ahead = aheadOf(others, name);
  const moves = [{ from: file, to: ahead }];
  const back = first.replace(/^0\d?-/, "50-");
  if (back !== first && !others.includes(back)) {
    moves.push({ from: first, to: back });
    others = others.map((each) => (each === first ? back : each));
    const usual = aheadOf(others, name);
    if (usual !== ahead) moves.push({ from: ahead, to: usual });
  }
  return moves;
}

function aheadOf(files: readonly string[], rest: string): string {
  const found = AHEAD.map((number) => `${number}-${rest}`).find((name) =>
    files.every((file) => name < file),
  );
  if (found !== undefined) return found;
  const [least = ""] = files.toSorted();
  throw new UserError("IN_USE", `no file name comes before ${least}, that of the default network`, {
    hint: `give that file another name first, such as 20-${least}`,
  });
}
