import { ifThere } from "../lib/errors.ts";
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
import { inState, link, makeFolder } from "./files.ts";

/**
 * What is noted beside the records, each in a file of its own, so that sh can write and read it and a crash leaves it whole or
 * not at all. In the sandbox's folder:
 *
 * - `stopped`: `<boot id> <uptime, s>`, one line: the container has stopped. Written by hooks/poststop, by a start that failed and
 *   by gc after a crash; removed by a start; read by the assessment, the hosts files and hooks/poststop.
 * - `kept`, empty: the log has told of the stop; its mtime is that of `stopped`. Written and read by gc, see
 *   `noteStopLogged`.
 * - `parked`, empty: the stopped container's namespace is given up until its start; its addresses stay with the plugins. Written by
 *   gc and by an ADD for which a bridge has no port left, before that happens; removed by a start; read by the assessment.
 * - `making`: `<pid> <start>`, a process that makes the container for the first time as the low-level runtime, which it became: what
 *   the runtime answered is not known here. Empty once the container was started. Written by `create`, emptied by bin/docker-cni at
 *   `start`; removed by the next start; read by the assessment and by bin/docker-cni at `delete`.
 * - `late`: the path of a hosts file, or empty: what the engine still does between `create` and `start`. Written by `create`,
 *   read by bin/docker-cni at `start`.
 * - `retry`: `<attempts> <error>`; its mtime is when a removal that failed is tried again. Written by gc; read by gc, `ls` and,
 *   whether it exists, hooks/poststop.
 *
 * - `reserved`, empty: its mtime is since when the network waits for the next container of its name. Written by who sees that the
 *   container is gone; read by the assessment.
 *
 * In the state folder:
 *
 * - `unheld/<id>`, empty: the sandbox's addresses are kept, and no plugin holds them. Written by a rebuild and by the first ADD
 *   of a boot; read by every ADD.
 * - `boot`: the boot id for which that was done. Written and read by ADD.
 * - `over/<id>`, empty: the release queue. Written by hooks/poststop, read by the copy of it that releases them together.
 * - `hosts/<pid>.<id>`: a link whose target is `/<network>/<network>…`: hosts files to be written anew. Written by every change
 *   of who is on a network, read by the next process that locks the folder.
 * - `reserved/<name>@<id>`, empty: the container has this name, and its network is for the next one of it. Written by a start,
 *   read by the start of another container of that name.
 * - `gc`, empty: its mtime is when all sandboxes were last looked at. Written by gc, read by `create`.
 */
export const MARKS = {
  stopped: "stopped",
  stopLogged: "kept",
  parked: "parked",
  making: "making",
  settleBeforeStart: "late",
  retry: "retry",
  unreserved: "unheld",
  boot: "boot",
  releaseQueue: "over",
  hosts: "hosts",
  sweep: "gc",
} as const;

/** Reads and writes the marks. Each write throws STATE_FAILED when the disk refuses. */
export interface SandboxMarks {
  /** When the container stopped, in ms since the epoch; undefined while it has not. */
  stoppedAt(id: string): number | undefined;
  /** How long it has been stopped, ms: within one boot by the host's uptime, whatever was done to its clock. */
  stoppedFor(id: string): number | undefined;
  markStopped(id: string): void;
  /** Notes that the container starts; whether it was parked counts no more. */
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
  notedBoot(): string | undefined;
  /** Notes that the sandboxes of earlier boots are marked as unreserved. */
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

/** A removal that failed: how often, why, and when it is tried again, in ms since the epoch. */
export interface Retry {
  attempts: number;
  error: string;
  nextAt: number;
}

/** The marks in `stateDir`. */
export function fileMarks(stateDir: string): SandboxMarks {
  const shared = (mark: string): string => join(stateDir, mark);
  const of = (id: string, mark: string): string => join(stateDir, "sandboxes", id, mark);
  const hostsNotes = shared(MARKS.hosts);
  return {
    stoppedAt: (id) => ifThere(() => statSync(of(id, MARKS.stopped)).mtimeMs),
    stoppedFor(id) {
      const stoppedAt = ifThere(() => statSync(of(id, MARKS.stopped)).mtimeMs);
      const mark = ifThere(() => readFileSync(of(id, MARKS.stopped), "utf8"));
      if (stoppedAt === undefined || mark === undefined) return undefined;
      const [stoppedIn, uptime] = mark.trim().split(" ");
      const now = readMoment();
      const bySameBoot = stoppedIn === now.boot ? now.uptime - Number(uptime) : Number.NaN;
      return Math.max(0, bySameBoot >= 0 ? bySameBoot * 1000 : Date.now() - stoppedAt);
    },
    markStopped(id) {
      const now = readMoment();
      inState(of(id, MARKS.stopped), () =>
        writeFileSync(of(id, MARKS.stopped), `${now.boot} ${now.uptime}\n`, { mode: 0o600 }),
      );
    },
    markSettleBeforeStart(id, late) {
      const file = of(id, MARKS.settleBeforeStart);
      const text = typeof late === "object" ? `${late.hosts}\n` : "";
      if (late === undefined) rmSync(file, { force: true });
      else inState(file, () => writeFileSync(file, text, { mode: 0o600 }));
    },
    markUnreserved(id, isUnreserved) {
      const folder = shared(MARKS.unreserved);
      if (isUnreserved) {
        makeFolder(folder);
        inState(folder, () => writeFileSync(join(folder, id), "", { mode: 0o600 }));
      } else rmSync(join(folder, id), { force: true });
    },
    listUnreserved: () => ifThere(() => readdirSync(shared(MARKS.unreserved))) ?? [],
    notedBoot: () => ifThere(() => readFileSync(shared(MARKS.boot), "utf8")),
    noteBoot: (bootId) =>
      inState(stateDir, () => writeFileSync(shared(MARKS.boot), bootId, { mode: 0o600 })),
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
    clearStopped(id) {
      for (const mark of [MARKS.parked, MARKS.making, MARKS.stopped])
        rmSync(of(id, mark), { force: true });
    },
    readRetry(id) {
      const file = of(id, MARKS.retry);
      const nextAt = ifThere(() => statSync(file).mtimeMs);
      const text = ifThere(() => readFileSync(file, "utf8"));
      if (nextAt === undefined || text === undefined) return undefined;
      const [, attempts, error = ""] = /^(\d+) (.*)/s.exec(text) ?? [];
      return { attempts: Number(attempts ?? 0), error: error.trim(), nextAt };
    },
    writeRetry(id, { attempts, error, nextAt }) {
      const file = of(id, MARKS.retry);
      inState(file, () => {
        writeFileSync(file, `${attempts} ${error}\n`, { mode: 0o600 });
        utimesSync(file, new Date(), new Date(nextAt));
      });
    },
    isSweepDue() {
      const sweptAt = ifThere(() => statSync(shared(MARKS.sweep)).mtimeMs) ?? 0;
      return Math.abs(Date.now() - sweptAt) > SWEEP_EVERY_MS;
    },
    dropNotes() {
      for (const notes of [MARKS.releaseQueue, MARKS.unreserved].map(shared)) {
        for (const id of ifThere(() => readdirSync(notes)) ?? []) {
          const note = join(notes, id);
          if (!existsSync(join(stateDir, "sandboxes", id)))
            inState(note, () => rmSync(note, { force: true }));
        }
      }
    },
    noteSweep: () =>
      inState(stateDir, () => writeFileSync(shared(MARKS.sweep), "", { mode: 0o600 })),
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
