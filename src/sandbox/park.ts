import { readdirSync, readlinkSync, statSync } from "node:fs";
import { mapConcurrently } from "../lib/concurrent.ts";
import { ifThere } from "../lib/errors.ts";
import { parseNetworkList } from "../cni/index.ts";
import { netnsPath } from "../netns/netns.ts";
import { assessNow } from "../state/facts.ts";
import { isParked, markParked } from "../state/parked.ts";
import type { AttachmentRecord, SandboxRecord } from "../state/record.ts";
import type { SandboxContext } from "./context.ts";

/** How many make room on a bridge that is full: one by one each further ADD would fail first. */
const MANY = 32;

/** Plugins whose interface ends with its namespace and is made anew by ADD; a device of the host's own would come back to the host. */
const REMADE = new Set([
  "bridge",
  "docker-cni-bridge",
  "ptp",
  "macvlan",
  "ipvlan",
  "vlan",
  "dummy",
]);

/**
 * Gives up the namespace of a stopped container that keeps its network, and with it the interfaces; no plugin is told, so that the
 * addresses stay with the one that gave them. The next start builds it again as one that is lost. Whether it was done: not where
 * a plugin or a process needs the namespace. The caller holds the sandbox's lock. Rejects with NETNS_FAILED.
 */
export async function park(context: SandboxContext, record: SandboxRecord): Promise<boolean> {
  const { store, netns, log } = context;
  const { life, network } = assessNow(context, record);
  if (life !== "kept" || network !== "whole" || record.changing !== undefined) return false;
  if (!record.attachments.every(isRemade) || isInUse(netnsPath(record.netns))) return false;
  markParked(store, record.id);
  // A port of a bridge is free when this returns; the namespace's end takes its interfaces some time later.
  for (const { ifName } of record.attachments) await netns.removeLink(record.netns, ifName);
  await netns.remove(record.netns);
  log.info({ container: record.id, name: record.name, step: "park" }, "parked until its start");
  return true;
}

/** Parks the containers on the networks of `record` that have been stopped the longest; gives how many. */
export async function parkLongest(context: SandboxContext, record: SandboxRecord): Promise<number> {
  const { store } = context;
  const networks = new Set(record.attachments.map(({ network }) => network));
  const stopped = store
    .list()
    .flatMap((id) => {
      const ms = id === record.id || isParked(store, id) ? undefined : store.stoppedFor(id);
      return ms === undefined ? [] : [{ id, ms }];
    })
    .toSorted((a, b) => b.ms - a.ms);
  let parked = 0;
  while (parked < MANY && stopped.length > 0) {
    const batch = stopped.splice(0, MANY - parked);
    const done = await mapConcurrently(batch, ({ id }) => parkIfOn(context, id, networks));
    parked += done.filter(Boolean).length;
  }
  return parked;
}

/** One at which another operation is at work is left alone. */
async function parkIfOn(
  context: SandboxContext,
  id: string,
  networks: ReadonlySet<string>,
): Promise<boolean> {
  const { store, locker, log } = context;
  const lock = await locker.lock(store.pathOf(id), "exclusive", 0);
  if (lock === undefined) return false;
  try {
    const record = store.read(id);
    if (record === undefined || record === "unreadable") return false;
    if (!record.attachments.some(({ network }) => networks.has(network))) return false;
    return await park(context, record);
  } catch (error) {
    log.warn({ container: id, step: "park", err: error }, "could not be parked");
    return false;
  } finally {
    lock.release();
  }
}

function isRemade({ list }: AttachmentRecord): boolean {
  const [first] = parseNetworkList(list).plugins;
  if (first === undefined || !REMADE.has(first.type)) return false;
  const { ipam } = first;
  return !(typeof ipam === "object" && ipam !== null && "type" in ipam && ipam.type === "dhcp");
}

/** Whether a process is in the namespace at `path`, such as one of a container that joined it. */
function isInUse(path: string): boolean {
  const inode = ifThere(() => statSync(path).ino);
  if (inode === undefined) return false;
  const link = `net:[${inode}]`;
  return readdirSync("/proc").some((pid) => /^\d+$/.test(pid) && namespaceOf(pid) === link);
}

/** Of a process that has ended, or that does not let itself be looked at: undefined. */
function namespaceOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}
