import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { errnoOf, ifReadable } from "../lib/errors.ts";
import type { TryFlock } from "../lib/libc.ts";
import { failed } from "./host.ts";

/** Who has an address: the container, and its interface. */
export interface Holder {
  containerId: string;
  ifName: string;
}

const LOCK_TRIES_MS = [1, 1, 2, 2, 5, 5, 10];
const LOCK_WAIT_MS = 30_000;

/** Runs `work` while the folder is locked as host-local locks it: flock(2) on its file `lock`. */
export async function whileLocked<T>(
  folder: string,
  tryFlock: TryFlock,
  work: () => T,
): Promise<T> {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const fd = openSync(join(folder, "lock"), constants.O_RDONLY | constants.O_CREAT, 0o750);
  try {
    const end = performance.now() + LOCK_WAIT_MS;
    for (let tries = 0; !tryFlock(fd, "exclusive"); tries++) {
      if (performance.now() > end) throw failed(`the addresses in ${folder} are locked`);
      await sleep(LOCK_TRIES_MS[tries] ?? 20);
    }
    return work();
  } finally {
    closeSync(fd);
  }
}

/** Takes an address; false where somebody has it. */
export function take(folder: string, address: string, { containerId, ifName }: Holder): boolean {
  try {
    writeFileSync(fileOf(folder, address), `${containerId}\r\n${ifName}`, {
      flag: "wx",
      mode: 0o644,
    });
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** The addresses in the folder with who has them; host-local writes `_` for `:` in names only where it has to. */
export function* allLeases(folder: string): Generator<{ file: string } & Holder> {
  for (const name of ifReadable(() => readdirSync(folder)) ?? []) {
    if (name === "lock" || name.startsWith("last_reserved_ip.")) continue;
    const file = join(folder, name);
    const lines = ifReadable(() => readFileSync(file, "utf8"))?.split(/\r?\n/);
    if (lines === undefined) continue;
    yield { file, containerId: lines[0]?.trim() ?? "", ifName: lines[1]?.trim() ?? "" };
  }
}

/** Whether the lease is this one's; those of old versions of host-local name no interface. */
export function isOf(lease: Holder, holder: Holder): boolean {
  const isSame = lease.containerId === holder.containerId;
  return isSame && (lease.ifName === "" || lease.ifName === holder.ifName);
}

/** Gives back the leases of which `isOver` is true. */
export function release(folder: string, isOver: (lease: Holder) => boolean): void {
  for (const lease of allLeases(folder)) if (isOver(lease)) rmSync(lease.file, { force: true });
}

/** The address that was given out last of the range set of this number: the next one comes after it. */
export function lastReserved(folder: string, set: number): string | undefined {
  return ifReadable(() => readFileSync(join(folder, `last_reserved_ip.${set}`), "utf8").trim());
}

export function noteReserved(folder: string, set: number, address: string): void {
  writeFileSync(join(folder, `last_reserved_ip.${set}`), address, { mode: 0o644 });
}

function fileOf(folder: string, address: string): string {
  return join(folder, address);
}
