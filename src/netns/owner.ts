import { mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../lib/errors.ts";

/** A link for each namespace that leads to the state folder of who made it; namespaces do not outlive a boot either. */
const OWNERS_DIR = "/run/docker-cni/netns";

/** Notes whose the namespace `name` is. What cannot be noted is only missed in a message. */
export function noteOwner(name: string, stateDir: string): void {
  const file = join(OWNERS_DIR, name);
  const note = (): void => symlinkSync(stateDir, file);
  const made = attempt(note);
  if (made === "ENOENT") mkdirSync(OWNERS_DIR, { recursive: true, mode: 0o700 });
  if (made === "EEXIST") rmSync(file, { force: true });
  if (made !== undefined) attempt(note);
}

/** Forgets whose the namespace `name` was. */
export function dropOwner(name: string): void {
  attempt(() => rmSync(join(OWNERS_DIR, name), { force: true }));
}

/** The state folder of who made the namespace `name`; undefined when it is not known. */
export function readOwner(name: string): string | undefined {
  let owner: string | undefined;
  attempt(() => (owner = readlinkSync(join(OWNERS_DIR, name))));
  return owner;
}

/** The state folders that namespaces were made for, each once. */
export function listOwners(): string[] {
  let names: string[] = [];
  attempt(() => (names = readdirSync(OWNERS_DIR)));
  return [...new Set(names.flatMap((name) => readOwner(name) ?? []))];
}

/** Runs what may be refused, and gives the error's code then. */
function attempt(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    return code;
  }
}
