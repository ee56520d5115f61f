import { existsSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { editInPlace } from "../names/file-in-place.ts";
import { nameInDocker } from "../names/container-name.ts";
import { hostLines, type NetworkMember } from "../names/hosts-file.ts";
import { writeOwnLines } from "../names/own-lines.ts";
import { errnoOf, UserError } from "../lib/errors.ts";
import type { SandboxContext } from "./context.ts";
import { isWithoutIpv6 } from "./ipv6.ts";
import type { Member } from "../state/member-index.ts";
import type { SandboxRecord } from "../state/record.ts";

/** The longest that anybody waits for others to finish with the hosts files, ms. */
const WAIT_MS = 5000;
/** How soon it is looked whether they have; then after twice the time each, up to the longest, ms. */
const FIRST_PAUSE_MS = 4;
const LAST_PAUSE_MS = 64;

/** How all of these are named; undefined where each of their networks has to be asked. */
export function howNamed(
  { names, dnsDir }: Pick<SandboxContext, "names" | "dnsDir">,
  members: readonly Member[],
): "hosts" | "off" | undefined {
  const mayDiffer = members.some(
    ({ dns, attachments }) => dns ?? attachments.some(({ list }) => list?.includes('"names"')),
  );
  return names === "dns" || mayDiffer || existsSync(dnsDir) ? undefined : names;
}

/**
 * Brings the hosts files of all containers on the sandbox's networks up to date, its own too while it is one of them.
 * Where many come at once, who gets at the files next sees to all who have left notes.
 */
export async function refreshHosts(context: SandboxContext, record: SandboxRecord): Promise<void> {
  if (howNamed(context, [record]) === "off") return;
  const networks = record.attachments.map(({ network }) => network);
  if (await rewriteHosts(context, networks)) return;
  const isNoted = noteHosts(context, record);
  await waitForHosts(context, isNoted ? [] : networks);
}

/**
 * Leaves a note that the hosts files of the containers on the sandbox's networks have to be rewritten. False when the
 * disk refuses.
 */
export function noteHosts(context: SandboxContext, record: SandboxRecord): boolean {
  const { store, log } = context;
  if (howNamed(context, [record]) === "off") return true;
  const { id, attachments } = record;
  try {
    const networks = attachments.map(({ network }) => network);
    store.noteHosts(id, networks);
    return true;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    log.warn({ container: id, step: "hosts", err: error }, "could not be noted");
    return false;
  }
}

/** Sees to all notes that were left, and waits while another is at it. */
export async function settleHosts(context: SandboxContext): Promise<void> {
  const isDue = context.store.hostsNotes().length > 0;
  if (isDue && !(await rewriteHosts(context))) await waitForHosts(context);
}

/** Waits until the notes of this process, and `networks`, have been seen to, by another or by this process. */
async function waitForHosts(
  context: SandboxContext,
  networks: readonly string[] = [],
): Promise<void> {
  const own = `${process.pid}.`;
  const deadline = Date.now() + WAIT_MS;
  for (let ms = FIRST_PAUSE_MS; Date.now() < deadline; ms = Math.min(2 * ms, LAST_PAUSE_MS)) {
    await pause(ms);
    const isSeenTo =
      networks.length === 0 && !context.store.hostsNotes().some(({ name }) => name.startsWith(own));
    if (isSeenTo || (await rewriteHosts(context, networks))) return;
  }
  context.log.warn({ step: "hosts" }, "others are at the hosts files");
}

/**
 * Rewrites the hosts files of the containers on `networks` and on those that somebody has left a note of. False when
 * another is at them.
 */
async function rewriteHosts(
  context: SandboxContext,
  networks: readonly string[] = [],
): Promise<boolean> {
  const { store, locker } = context;
  const lock = await locker.lock(store.sharedDir("hosts"), "exclusive", 0);
  if (lock === undefined) return false;
  try {
    const notes = store.hostsNotes();
    const concerned = new Set([...networks, ...notes.flatMap((note) => note.networks)]);
    await rewriteOn(context, concerned);
    for (const { name } of notes) store.dropHostsNote(name);
    return true;
  } finally {
    lock.release();
  }
}

async function rewriteOn(context: SandboxContext, networks: ReadonlySet<string>): Promise<void> {
  const present = (await presentMembers(context)).toSorted(byAge);
  const how = howNamed(context, present);
  if (how === "off") return;
  const byNetwork = how === undefined ? await import("./names-by-network.ts") : undefined;
  const members = present.map((member) => ({
    ...memberOf(member),
    told: byNetwork?.toldByHosts(context, member),
  }));
  await byNetwork?.serveNames(context, present, members);
  const linesAt = hostLines(members);
  for (const [place, member] of present.entries()) {
    const { id, files, attachments } = member;
    if (byNetwork?.isLeftAlone(context, member)) continue;
    const isConcerned =
      attachments.length === 0 || attachments.some(({ network }) => networks.has(network));
    if (files?.hosts === undefined || !isConcerned) continue;
    const { hosts } = files;
    const lines = linesAt(place);
    const written = changeShown(context, id, {
      file: hosts,
      change: () => writeOwnLines(hosts, lines),
    });
    if (written !== "unusual") continue;
    const { withOwnLines } = await import("../names/own-lines-text.ts");
    editShown(context, id, hosts, (text) => withOwnLines(text, Buffer.concat(lines).toString()));
  }
}

/** From how many sandboxes on it is worth to note what was found of them. */
const MANY = 32;

async function presentMembers(context: SandboxContext): Promise<Member[]> {
  const { store } = context;
  const read = async (id: string): Promise<SandboxRecord | undefined> => {
    const record = presentRecord(context, id);
    return record && asNamedNow(record);
  };
  const ids = store.list();
  if (ids.length < MANY)
    return (await Promise.all(ids.map(read))).filter((one) => one !== undefined);
  const { knownMembers } = await import("./known-members.ts");
  return knownMembers(context, ids, read);
}

/** Who comes last stands last: a start adds a line to the files of the others. */
function byAge(one: Member, other: Member): number {
  return one.createdAt === other.createdAt ? 0 : one.createdAt < other.createdAt ? -1 : 1;
}

/** Names are the engine's: `docker rename` gives a running container another one. */
async function asNamedNow(record: SandboxRecord): Promise<SandboxRecord> {
  const { containerDir, name } = record;
  if (containerDir === undefined || nameInDocker(containerDir) === name) return record;
  const { renamed } = await import("./renamed.ts");
  return renamed(record, containerDir);
}

function presentRecord(context: SandboxContext, id: string): SandboxRecord | undefined {
  // Of many sandboxes most belong to stopped containers: their records need not be read.
  if (context.store.stoppedAt(id) !== undefined) return undefined;
  const record = context.store.read(id);
  return record === undefined || record === "unreadable" || record.state !== "attached"
    ? undefined
    : record;
}

function memberOf(record: Member): NetworkMember {
  const { id, names, service, attachments } = record;
  return {
    id,
    names: names ?? [],
    service,
    networks: attachments.map(({ network, ifName, addresses, aliases }) => ({
      network,
      addresses: addresses
        .filter((address) => !address.includes(":") || !isWithoutIpv6(record, ifName))
        .map((address) => address.replace(/\/.*/, "")),
      aliases: aliases ?? [],
    })),
  };
}

/** Changes a file that a container sees; one that cannot be written, or has more than `maxBytes`, is logged. */
export function editShown(
  context: SandboxContext,
  container: string,
  file: string,
  edit: (text: string) => string,
  maxBytes?: number,
): void {
  changeShown(context, container, { file, change: () => editInPlace(file, edit, maxBytes) });
}

/** Gives what `change` gave; false too when it failed. */
function changeShown<Outcome>(
  context: SandboxContext,
  container: string,
  { file, change }: { file: string; change: () => Outcome },
): Outcome | false {
  const step = { container, step: "hosts" };
  try {
    const outcome = change();
    if (outcome === false) context.log.warn(step, `${file} is no file to be written`);
    return outcome;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    context.log.warn({ ...step, err: error }, `${file} cannot be written`);
    return false;
  }
}
