import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { parseRecord, type SandboxRecord } from "./record.ts";
import { fileRuntimeNotes, noteOf, RUNTIME_NOTES, type RuntimeNotes } from "./runtime-notes.ts";
import { ifThere, inState, link, makeFolder, replaceFile, syncFile } from "./files.ts";

/** The sandboxes that are remembered on this host, one folder each: `<state folder>/sandboxes/<container id>/`. */
export interface SandboxStore {
  /** The folder of all sandboxes. */
  readonly dir: string;
  /** Which low-level runtime made a container; not in the state folder, which the launcher does not know. */
  readonly runtimeNotes: RuntimeNotes;
  /** Makes and names a folder of what all sandboxes share; its lock guards that. */
  sharedDir(what: "ports" | "hosts" | "networks" | "images"): string;
  /** The folder of one sandbox, whether it exists or not. */
  pathOf(id: string): string;
  /** Makes the folder of all sandboxes. */
  prepareAll(): void;
  /** Makes the sandbox's folder; throws STATE_FAILED when the disk refuses. */
  prepare(id: string): void;
  /** The record of `id`; undefined when there is none, "unreadable" when its file is no record. */
  read(id: string): SandboxRecord | "unreadable" | undefined;
  /**
   * Replaces the record: after a power cut there is the old one or the new one, unless it is not to be `durable` yet. What
   * tells whether the container is still there is beside it in the form of links, which stay readable when the record is
   * not.
   */
  write(record: SandboxRecord, options?: { durable: boolean }): void;
  /** Makes the record that was written last survive a power cut. */
  makeDurable(id: string): void;
  /** The engine's and the low-level runtime's folder of the container, as far as a record was ever written. */
  links(id: string): SandboxLinks;
  /** Forgets what is in the sandbox's folder; the folder itself stays, and with it a lock on it. */
  clear(id: string): void;
  /** Forgets the sandbox: its folder is gone, and the note of the runtime that made its container. */
  remove(id: string): void;
  /** The ids of all sandboxes. */
  list(): string[];
  /** When one was added or removed last, in ms since the epoch; undefined when there never was one. */
  changedAt(): number | undefined;
  /** When the container stopped, in ms since the epoch; undefined while it has not. */
  stoppedAt(id: string): number | undefined;
  /** How long it has been stopped, ms: within one boot by the host's uptime, whatever was done to its clock. */
  stoppedFor(id: string): number | undefined;
  markStopped(id: string): void;
  clearStopped(id: string): void;
  /**
   * Notes for the launcher what the engine may do between the runtime's create and start: it changes the network
   * (`always`), or writes this hosts file anew; undefined: neither.
   */
  markSettleBeforeStart(id: string, late: "always" | { hosts: string } | undefined): void;
  /** Notes whether the sandbox's addresses are kept while no attachment holds them. */
  markUnreserved(id: string, isUnreserved: boolean): void;
  /** The sandboxes of which that is so. */
  listUnreserved(): string[];
  /** The boot in which `noteBoot` was called last. */
  readonly notedBoot: string | undefined;
  /** Notes that the sandboxes of earlier boots are marked as unheld. */
  noteBoot(bootId: string): void;
  /**
   * Notes that the hosts files of the containers on these networks are to be rewritten, for the sake of the sandbox `id`;
   * gives the note's name.
   */
  noteHosts(id: string, networks: readonly string[]): string;
  hostsNotes(): { name: string; networks: string[] }[];
  dropHostsNote(name: string): void;
  /** What is noted of removals that failed, for who looks after them; undefined when none did. */
  readRetry(id: string): Retry | undefined;
  writeRetry(id: string, retry: Retry): void;
  /** Whether it is more than a minute since all sandboxes were looked at. */
  isSweepDue(): boolean;
  noteSweep(): void;
  /** Removes the notes outside of their folders of sandboxes that are gone. */
  dropNotes(): void;
}

/** Where a container's folders are. */
export interface SandboxLinks {
  containerDir?: string;
  runtimeDir?: string;
}

/** A removal that failed: how often, why, and when it is tried again, in ms since the epoch. */
export interface Retry {
  attempts: number;
  error: string;
  nextAt: number;
}

/** The store in `stateDir`; the notes of runtimes are in a folder of the whole host. */
export function fileStore(stateDir: string, notesDir = RUNTIME_NOTES): SandboxStore {
  const runtimeNotes = fileRuntimeNotes(notesDir);
  const dir = join(stateDir, "sandboxes");
  const pathOf = (id: string): string => join(dir, id);
  const hostsNotes = join(stateDir, "hosts");
  const recordOf = (id: string): string => join(dir, id, "record.json");
  const links = (id: string): SandboxLinks => {
    const containerDir = ifThere(() => readlinkSync(join(dir, id, "container")));
    const runtimeDir = ifThere(() => readlinkSync(join(dir, id, "runtime")));
    return { ...(containerDir && { containerDir }), ...(runtimeDir && { runtimeDir }) };
  };
  return {
    dir,
    runtimeNotes,
    pathOf,
    prepareAll: () => makeFolder(dir),
    prepare: (id) => makeFolder(pathOf(id)),
    sharedDir(what) {
      const folder = join(stateDir, what);
      makeFolder(folder);
      return folder;
    },
    read(id) {
      const text = ifThere(() => readFileSync(recordOf(id), "utf8"));
      return text === undefined ? undefined : (parseRecord(text) ?? "unreadable");
    },
    write: (record, { durable } = { durable: true }) =>
      inState(recordOf(record.id), () => {
        link(record.containerDir, join(pathOf(record.id), "container"));
        link(record.runtimeDir, join(pathOf(record.id), "runtime"));
        replaceFile(recordOf(record.id), `${JSON.stringify(record)}\n`, durable);
      }),
    makeDurable: (id) => inState(recordOf(id), () => syncFile(recordOf(id))),
    links,
    clear(id) {
      for (const name of ifThere(() => readdirSync(pathOf(id))) ?? []) {
        rmSync(join(pathOf(id), name), { recursive: true, force: true });
      }
      rmSync(join(stateDir, "unheld", id), { force: true });
      // As when one is removed: others see that something was released.
      inState(dir, () => utimesSync(dir, new Date(), new Date()));
    },
    // The poststop hook may leave its mark in the folder while it goes.
    remove(id) {
      const { runtimeDir = "" } = links(id);
      const note = noteOf(runtimeNotes, { id, runtimeDir, sandbox: pathOf(id) });
      rmSync(pathOf(id), { recursive: true, force: true, maxRetries: 5 });
      rmSync(join(stateDir, "unheld", id), { force: true });
      if (note?.isBeingMade === false) runtimeNotes.remove(note.key);
    },
    list: () => ifThere(() => readdirSync(dir)) ?? [],
    changedAt: () => ifThere(() => statSync(dir).mtimeMs),
    stoppedAt: (id) => ifThere(() => statSync(join(dir, id, "stopped")).mtimeMs),
    stoppedFor(id) {
      const stoppedAt = ifThere(() => statSync(join(dir, id, "stopped")).mtimeMs);
      const mark = ifThere(() => readFileSync(join(dir, id, "stopped"), "utf8"));
      if (stoppedAt === undefined || mark === undefined) return undefined;
      const [stoppedIn, uptime] = mark.trim().split(" ");
      const now = readMoment();
      const bySameBoot = stoppedIn === now.boot ? now.uptime - Number(uptime) : Number.NaN;
      return Math.max(0, bySameBoot >= 0 ? bySameBoot * 1000 : Date.now() - stoppedAt);
    },
    markStopped(id) {
      const now = readMoment();
      inState(pathOf(id), () =>
        writeFileSync(join(dir, id, "stopped"), `${now.boot} ${now.uptime}\n`, { mode: 0o600 }),
      );
    },
    markSettleBeforeStart(id, late) {
      const file = join(dir, id, "late");
      const text = typeof late === "object" ? `${late.hosts}\n` : "";
      if (late === undefined) rmSync(file, { force: true });
      else inState(file, () => writeFileSync(file, text, { mode: 0o600 }));
    },
    markUnreserved(id, isUnreserved) {
      const folder = join(stateDir, "unheld");
      if (isUnreserved) {
        makeFolder(folder);
        inState(folder, () => writeFileSync(join(folder, id), "", { mode: 0o600 }));
      } else rmSync(join(folder, id), { force: true });
    },
    listUnreserved: () => ifThere(() => readdirSync(join(stateDir, "unheld"))) ?? [],
    get notedBoot() {
      return ifThere(() => readFileSync(join(stateDir, "boot"), "utf8"));
    },
    noteBoot: (bootId) =>
      inState(stateDir, () => writeFileSync(join(stateDir, "boot"), bootId, { mode: 0o600 })),
    // A link is there as a whole or not at all; names of networks hold no slash.
    noteHosts(id, networks) {
      makeFolder(hostsNotes);
      const name = `${process.pid}.${id}`;
      inState(hostsNotes, () => link(`/${networks.join("/")}`, join(hostsNotes, name)));
      return name;
    },
    hostsNotes: () =>
      (ifThere(() => readdirSync(hostsNotes)) ?? []).flatMap((name) => {
        const networks = ifThere(() => readlinkSync(join(hostsNotes, name)));
        return networks === undefined ? [] : [{ name, networks: networks.split("/") }];
      }),
    dropHostsNote: (name) => rmSync(join(hostsNotes, name), { force: true }),
    clearStopped: (id) => rmSync(join(dir, id, "stopped"), { force: true }),
    readRetry(id) {
      const file = join(dir, id, "retry");
      const nextAt = ifThere(() => statSync(file).mtimeMs);
      const text = ifThere(() => readFileSync(file, "utf8"));
      if (nextAt === undefined || text === undefined) return undefined;
      const [, attempts, error = ""] = /^(\d+) (.*)/s.exec(text) ?? [];
      return { attempts: Number(attempts ?? 0), error: error.trim(), nextAt };
    },
    writeRetry(id, { attempts, error, nextAt }) {
      const file = join(dir, id, "retry");
      inState(file, () => {
        writeFileSync(file, `${attempts} ${error}\n`, { mode: 0o600 });
        utimesSync(file, new Date(), new Date(nextAt));
      });
    },
    isSweepDue() {
      const sweptAt = ifThere(() => statSync(join(stateDir, "gc")).mtimeMs) ?? 0;
      return Math.abs(Date.now() - sweptAt) > SWEEP_EVERY_MS;
    },
    dropNotes() {
      for (const notes of ["over", "unheld"].map((name) => join(stateDir, name))) {
        for (const id of ifThere(() => readdirSync(notes)) ?? []) {
          const note = join(notes, id);
          if (!existsSync(pathOf(id))) inState(note, () => rmSync(note, { force: true }));
        }
      }
    },
    noteSweep: () =>
      inState(stateDir, () => writeFileSync(join(stateDir, "gc"), "", { mode: 0o600 })),
  };
}

const SWEEP_EVERY_MS = 60_000;

/** Read once: this process ends with the boot. */
let boot: string | undefined;

/** The boot, and the seconds since: no change of the clock has a part in it. */
function readMoment(): { boot: string; uptime: number } {
  boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return { boot, uptime: Number.parseFloat(readFileSync("/proc/uptime", "utf8")) };
}
