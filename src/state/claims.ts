import { existsSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ifThere } from "../lib/errors.ts";
import type { Marks } from "./assess.ts";
import type { SandboxRecord } from "./record.ts";
import { inState } from "./files.ts";
import type { SandboxStore } from "./store.ts";

/**
 * Who has which name to be reserved for: a file `reserved/<name>@<id>` each, in the state folder. It is written before anything else
 * of a start, and outlives its sandbox for a while: what it says counts as long as the record says the same.
 */
export interface NameClaim {
  name: string;
  id: string;
}

/** Notes that the network of the container `id` is to be for the next one of this name. */
export function writeClaim(store: SandboxStore, { name, id }: NameClaim): void {
  const file = join(store.sharedDir("reserved"), `${name}@${id}`);
  inState(file, () => writeFileSync(file, "", { mode: 0o600 }));
}

/** The name that the network of `id` is for, as its record has it, whether that can be read or not. */
export function claimedName(store: SandboxStore, id: string): string | undefined {
  return ifThere(() => readlinkSync(join(store.pathOf(id), "reserve")));
}

/** The id that CNI knows the attachments of `id` by, in the same way. */
export function knownCniId(store: SandboxStore, id: string): string {
  return ifThere(() => readlinkSync(join(store.pathOf(id), "cni"))) ?? id;
}

/** All such notes; a name and an id have no @. */
export function listClaims(store: SandboxStore): NameClaim[] {
  return (ifThere(() => readdirSync(join(store.dir, "../reserved"))) ?? []).map((note) => {
    const [name = "", id = ""] = note.split("@");
    return { name, id };
  });
}

/** Removes those of sandboxes that are gone. */
export function dropStaleClaims(store: SandboxStore): void {
  for (const { name, id } of listClaims(store)) {
    const file = join(store.sharedDir("reserved"), `${name}@${id}`);
    if (!existsSync(store.pathOf(id))) inState(file, () => rmSync(file, { force: true }));
  }
}

/** Notes that a network waits for the next container of its name from now on, or that it no longer does. */
export function markReserved(store: SandboxStore, id: string, isReserved: boolean): void {
  const file = join(store.pathOf(id), "reserved");
  if (isReserved) inState(file, () => writeFileSync(file, "", { mode: 0o600 }));
  else rmSync(file, { force: true });
}

/** Whether it is written down that a network waits for the next container of its name, and for no certain one. */
export function isWaiting({ state, successor }: SandboxRecord, { reservation }: Marks): boolean {
  return state === "reserved" && successor === undefined && reservation?.forMs !== undefined;
}
