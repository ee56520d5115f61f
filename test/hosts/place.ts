import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REPOSITORY } from "../e2e/harness/config.ts";
import { isErrno } from "../e2e/harness/errno.ts";
import { listProcesses } from "../e2e/harness/processes.ts";

/** What one laboratory calls its own: everything that is taken down with it is named here. */
export interface LabPlace {
  /** Temporary folder; its name carries the index and is the claim on it. */
  dir: string;
  /** cgroup of all that runs in it, below the root of each hierarchy. */
  cgroup: string;
  /** The checkout that it belongs to. */
  repository: string;
  /** The names of its hosts. */
  hosts: readonly string[];
  /** The Debian packages that its hosts say to have. */
  packages: readonly string[];
}

const FOLDER = "docker-cni-lab-";

/** Claims a folder that nobody uses. */
export function claimLab(hosts: readonly string[], packages: readonly string[]): LabPlace {
  for (let index = 1; index < 100; index += 1) {
    const dir = join(tmpdir(), `${FOLDER}${index}`);
    try {
      mkdirSync(dir, { mode: 0o700 });
    } catch (error) {
      if (isErrno(error, "EEXIST")) continue;
      throw error;
    }
    const place = { dir, cgroup: `${FOLDER}${index}`, repository: REPOSITORY, hosts, packages };
    writeFileSync(join(dir, "lab.json"), JSON.stringify(place));
    return place;
  }
  throw new Error(`99 laboratories already: see ${tmpdir()}/${FOLDER}*`);
}

/** The laboratory of this folder; undefined where there is none, or not all of it. */
export function readLab(dir: string): LabPlace | undefined {
  const file = join(dir, "lab.json");
  if (!existsSync(file)) return undefined;
  const place: LabPlace = JSON.parse(readFileSync(file, "utf8"));
  return place;
}

/** The laboratories of this checkout, those of which only remains are there too. */
export function labsOfCheckout(): LabPlace[] {
  return readdirSync(tmpdir())
    .filter((name) => name.startsWith(FOLDER))
    .flatMap((name) => readLab(join(tmpdir(), name)) ?? [])
    .filter(({ repository }) => repository === REPOSITORY);
}

/** The folder of one host. */
export function hostFolder({ dir }: LabPlace, name: string): string {
  return join(dir, "hosts", name);
}

/** The first process of a host, or of the router, by its number on the machine; undefined while it does not run. */
export function initOf(place: LabPlace, name: string): number | undefined {
  const command = `sh ${initCommand(place, name).slice(1).join(" ")}`;
  return listProcesses().find((each) => each.command === command)?.pid;
}

/** How the first process of a host is called: what it is known by. */
export function initCommand(place: LabPlace, name: string): string[] {
  return ["sh", join(INSIDE, name === ROUTER ? "router" : "init"), hostFolder(place, name), name];
}

export const ROUTER = "router";
/** The scripts that run in the hosts. */
export const INSIDE = join(import.meta.dirname, "inside");
