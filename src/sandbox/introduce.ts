import { containerAddresses, parseNetworkList } from "../cni/index.ts";
import { readDockerContainer } from "../engine/docker-container.ts";
import { editInPlace } from "../engine/file-in-place.ts";
import { hostEntriesFor, type NetworkMember, withHostEntries } from "../engine/hosts-file.ts";
import { mergeDns, type ResultDns, withResultDns } from "../engine/resolv-conf.ts";
import { errnoOf } from "../errors.ts";
import type { SandboxContext } from "./context.ts";
import type { SandboxRecord } from "./record.ts";

/** The longest that a start waits for others to finish with the hosts files, ms. */
const HOSTS_WAIT_MS = 5000;

/**
 * Writes what a container and those beside it know of each other: the networks' DNS settings in its resolv.conf, its own
 * names in its hosts file, and in those of all containers on its networks the names of the others. A file that cannot be
 * written is logged and is no fault of the start's.
 */
export async function introduce(context: SandboxContext, record: SandboxRecord): Promise<void> {
  writeDns(context, record);
  await refreshHosts(context, record);
}

/** Brings the hosts files of all containers on the sandbox's networks up to date, its own too while it is one of them. */
export async function refreshHosts(context: SandboxContext, record: SandboxRecord): Promise<void> {
  if (!context.hosts) return;
  const { store, locker } = context;
  const lock = await locker.lock(store.sharedDir("hosts"), "exclusive", HOSTS_WAIT_MS);
  if (lock === undefined) {
    context.log.warn({ container: record.id, step: "hosts" }, "others are at the hosts files");
    return;
  }
  try {
    const networks = new Set(record.attachments.map(({ network }) => network));
    const present = store.list().flatMap((id) => presentRecord(context, id) ?? []);
    const members = present.map(memberOf);
    for (const { id, files, attachments } of present) {
      const self = members.find((member) => member.id === id);
      const isConcerned = attachments.some(({ network }) => networks.has(network));
      if (files?.hosts === undefined || self === undefined || !isConcerned) continue;
      const entries = hostEntriesFor(self, members);
      edit(context, id, files.hosts, (text) => withHostEntries(text, entries));
    }
  } finally {
    lock.release();
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
