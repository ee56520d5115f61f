import { setTimeout as pause } from "node:timers/promises";
import { containerAddresses, parseNetworkList } from "../cni/index.ts";
import { readDockerContainer } from "../engine/docker-container.ts";
import { editInPlace } from "../engine/file-in-place.ts";
import { hostEntriesFor, type NetworkMember, withHostEntries } from "../engine/hosts-file.ts";
import { mergeDns, type ResultDns, withResultDns } from "../engine/resolv-conf.ts";
import { errnoOf, UserError } from "../errors.ts";
import type { SandboxContext } from "./context.ts";
import type { SandboxRecord } from "./record.ts";

/** The longest that a start waits for others to finish with the hosts files, and how often it looks, ms. */
const HOSTS_WAIT_MS = 5000;
const HOSTS_LOOK_MS = 2;

/**
 * Writes what a container and those beside it know of each other: the networks' DNS settings in its resolv.conf, its own
 * names in its hosts file, and in those of all containers on its networks the names of the others. A file that cannot be
 * written is logged and is no fault of the start's.
 */
export async function introduce(context: SandboxContext, record: SandboxRecord): Promise<void> {
  writeDns(context, record);
  await refreshHosts(context, record);
}

/**
 * Brings the hosts files of all containers on the sandbox's networks up to date, its own too while it is one of them.
 * Where many come at once, who is at the files when the others leave their notes sees to all of them.
 */
export async function refreshHosts(context: SandboxContext, record: SandboxRecord): Promise<void> {
  if (!context.hosts) return;
  const networks = record.attachments.map(({ network }) => network);
  const note = noteHosts(context, record.id, networks);
  const deadline = Date.now() + HOSTS_WAIT_MS;
  do {
    if (await rewriteNotedHosts(context, networks)) return;
    await pause(HOSTS_LOOK_MS);
    if (note !== undefined && !context.store.hostsNotes().some(({ name }) => name === note)) return;
  } while (Date.now() < deadline);
  const step = { container: record.id, step: "hosts" };
  context.log.warn(step, "others are at the hosts files");
}

/**
 * Rewrites the hosts files of the containers on `networks` and on those that somebody has left a note of. False when
 * another is at them.
 */
export async function rewriteNotedHosts(
  context: SandboxContext,
  networks: readonly string[] = [],
): Promise<boolean> {
  const { store, locker } = context;
  const lock = await locker.lock(store.sharedDir("hosts"), "exclusive", 0);
  if (lock === undefined) return false;
  try {
    const notes = store.hostsNotes();
    rewriteHosts(context, new Set([...networks, ...notes.flatMap((note) => note.networks)]));
    for (const { name } of notes) store.dropHostsNote(name);
    return true;
  } finally {
    lock.release();
  }
}

/** The name of the note; undefined where the disk refuses one: then the files wait for their lock. */
function noteHosts(
  { store, log }: SandboxContext,
  id: string,
  networks: readonly string[],
): string | undefined {
  try {
    return store.noteHosts(id, networks);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    log.warn({ container: id, step: "hosts", err: error }, "could not be noted");
    return undefined;
  }
}

function rewriteHosts(context: SandboxContext, networks: ReadonlySet<string>): void {
  const present = context.store.list().flatMap((id) => presentRecord(context, id) ?? []);
  const members = present.map(memberOf);
  for (const [place, { id, files, attachments }] of present.entries()) {
    const self = members[place];
    const isConcerned = attachments.some(({ network }) => networks.has(network));
    if (files?.hosts === undefined || self === undefined || !isConcerned) continue;
    const entries = hostEntriesFor(self, members);
    edit(context, id, files.hosts, (text) => withHostEntries(text, entries));
  }
}

function writeDns(context: SandboxContext, record: SandboxRecord): void {
  const file = record.files?.resolvConf;
  if (file === undefined) return;
  const dns = mergeDns(resultDns(context, record));
  const docker =
    record.containerDir === undefined ? undefined : readDockerContainer(record.containerDir);
  const operator = docker ?? { dns: [], dnsSearch: [], dnsOptions: [] };
  edit(context, record.id, file, (text) => withResultDns(text, dns, operator));
}

function resultDns(context: SandboxContext, record: SandboxRecord): ResultDns[] {
  return record.attachments.flatMap(({ list, ifName }) => {
    const ref = { containerId: record.id, ifName };
    const result = context.cni.cachedResult(parseNetworkList(list), ref);
    const dns = result && containerAddresses(result).dns;
    return dns === undefined ? [] : [dns];
  });
}

function presentRecord(context: SandboxContext, id: string): SandboxRecord | undefined {
  // Of many sandboxes most belong to stopped containers: their records need not be read.
  if (context.store.stoppedAt(id) !== undefined) return undefined;
  const record = context.store.read(id);
  return record === undefined || record === "unreadable" || record.state !== "attached"
    ? undefined
    : record;
}

function memberOf({ id, names, service, attachments }: SandboxRecord): NetworkMember {
  return {
    id,
    names: names ?? [],
    service,
    networks: attachments.map(({ network, addresses, aliases }) => ({
      network,
      addresses: addresses.map((address) => address.replace(/\/.*/, "")),
      aliases: aliases ?? [],
    })),
  };
}

function edit(
  context: SandboxContext,
  container: string,
  file: string,
  change: (text: string) => string,
): void {
  const step = { container, step: "hosts" };
  try {
    if (!editInPlace(file, change)) context.log.warn(step, `${file} is no file to be written`);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    context.log.warn({ ...step, err: error }, `${file} cannot be written`);
  }
}
