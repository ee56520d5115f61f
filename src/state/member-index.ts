import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { ifThere } from "../lib/errors.ts";
import { inState, replaceFile } from "./files.ts";
import type { AttachmentRecord, SandboxRecord } from "./record.ts";
import type { SandboxStore } from "./store.ts";

/** What the hosts files need to know of a sandbox whose container may run. */
export type Member = Pick<
  SandboxRecord,
  "id" | "createdAt" | "names" | "service" | "files" | "withoutIpv6" | "dns"
> & {
  attachments: (Pick<AttachmentRecord, "network" | "ifName" | "addresses" | "aliases"> & {
    /** The network's file, where it may say how its containers are named. */
    list?: string;
  })[];
};

/** What was read of one sandbox, and how to see whether it is still so. */
interface Entry {
  /** The stamps of record.json and of Docker's file of the container, as they were before they were read. */
  stamps: string;
  containerDir?: string;
  /** Undefined where the sandbox has no network to be known on. */
  member?: Member;
}

/** The members that were found last, by the id of their container. */
export type MemberIndex = Record<string, Entry>;

/**
 * What was found when members were looked up last. Empty where nothing is noted, or what is noted cannot be read: all of it is
 * found again in the records.
 */
export function readMemberIndex(store: SandboxStore): MemberIndex {
  try {
    const text = ifThere(() => readFileSync(fileOf(store), "utf8"));
    const noted: { version?: unknown; entries?: MemberIndex } = JSON.parse(text ?? "{}");
    return noted.version === VERSION ? (noted.entries ?? {}) : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

/** Notes what was found; throws STATE_FAILED. */
export function writeMemberIndex(store: SandboxStore, entries: MemberIndex): void {
  const file = fileOf(store);
  const text = JSON.stringify({ version: VERSION, entries });
  inState(file, () => replaceFile(file, text, false));
}

/** Of which shape the entries are. */
const VERSION = 2;

function fileOf(store: SandboxStore): string {
  return join(dirname(store.dir), "members.json");
}

/** How long a file has to be as it is before its stamp tells it from the next one, ms: clocks of file systems are coarse. */
const SETTLED_MS = 100;

/**
 * Stamps of a sandbox's files, which are other ones as soon as one of the files is another; undefined while one is so new that it
 * might change and keep its stamp.
 */
export function stampsOf(
  store: SandboxStore,
  id: string,
  containerDir: string | undefined,
): string | undefined {
  const engineFile = containerDir && join(containerDir, "config.v2.json");
  const stamps = [join(store.pathOf(id), "record.json"), engineFile].map((file) => {
    const stat = file === undefined ? undefined : ifThere(() => statSync(file));
    if (stat === undefined) return "none";
    const isSettled = Math.abs(Date.now() - stat.ctimeMs) > SETTLED_MS;
    return isSettled ? `${stat.ino} ${stat.ctimeMs} ${stat.size}` : undefined;
  });
  return stamps.includes(undefined) ? undefined : stamps.join(", ");
}
