import { readFileSync } from "node:fs";
import { asTakenPorts, findSocketHolder, readListeners } from "../engine/listeners.ts";
import { findPortConflict, type TakenPort } from "../engine/port-conflict.ts";
import { choosePorts, isNamed } from "../engine/port-choice.ts";
import type { PortMapping, PortRequest } from "../engine/ports.ts";
import type { SandboxRequest } from "../engine/request.ts";
import { UserError } from "../errors.ts";
import type { SandboxContext } from "../sandbox/context.ts";
import { collect, isGone } from "../sandbox/gc.ts";
import { isOver, readFacts } from "../sandbox/over.ts";
import { hadNoAdd } from "../sandbox/release.ts";
import type { SandboxRecord } from "../sandbox/record.ts";

const ANY_PORT = "/proc/sys/net/ipv4/ip_local_port_range";

/** The ports of the host that a container publishes. */
export interface AllottedPorts {
  /** On every network that can. */
  all: PortMapping[];
  /** On one network alone, in the order of the networks. */
  byNetwork: PortMapping[][];
}

/** What a container asked for that may be ports. */
type PortWish = Pick<SandboxRequest, "ports" | "networks">;

export function asksForPorts({ ports, networks }: PortWish): boolean {
  return ports.length > 0 || networks.some((network) => network.ports.length > 0);
}

/**
 * Allots the ports of a wish and calls `use` with them, which has to write them down: until it has, nobody else is
 * allotted any.
 */
export async function withAllottedPorts<T>(
  context: SandboxContext,
  id: string,
  wish: PortWish,
  use: (ports: AllottedPorts) => T,
): Promise<T> {
  if (!asksForPorts(wish)) return use({ all: [], byNetwork: [] });
  await collectGone(context, id);
  const lock = await context.locker.lock(
    context.store.sharedDir("ports"),
    "exclusive",
    context.lockTimeoutMs,
  );
  if (lock === undefined) {
    throw new UserError(
      "BUSY",
      "another container's ports are being allotted, and that does not end",
      {
        hint: "see what hangs with: ps -ef | grep docker-cni",
      },
    );
  }
  try {
    return use(await allotPorts(context, id, wish));
  } finally {
    lock.release();
  }
}

/**
 * Gives each port that was asked for its port of the host, beside those of other sandboxes and of the processes that
 * listen. What containers left behind that are gone is undone first. Throws PORT_TAKEN, naming the holder.
 */
async function allotPorts(
  context: SandboxContext,
  id: string,
  wish: PortWish,
): Promise<AllottedPorts> {
  const wanted = [wish.ports, ...wish.networks.map(({ ports }) => ports)];
  const requests = wanted.flat();
  const chosen = choosePorts({
    requests,
    taken: [...(await portsOfOthers(context, id)), ...portsOfProcesses(requests)],
    anyPort: readAnyPort(),
    start: placeOf(id),
  });
  const [all = [], ...byNetwork] = wanted.map((asked) =>
    chosen.filter((_, place) => asked.some((request) => request === requests[place])),
  );
  return { all, byNetwork };
}

/** Waits for the release of what publishes ports and is gone, while nobody is kept from being allotted others. */
async function collectGone(context: SandboxContext, id: string): Promise<void> {
  for (const record of otherRecords(context, id)) {
    if (portsOf(context, record).length === 0 || !isGone(context, record.id)) continue;
    await collect(context, record.id, { waitMs: context.lockTimeoutMs });
  }
}

/**
 * Waits for no other sandbox: one whose lock is held may wait for the lock on the ports itself, and counts as somebody's.
 */
async function portsOfOthers(context: SandboxContext, id: string): Promise<TakenPort[]> {
  const taken: TakenPort[] = [];
  for (const record of otherRecords(context, id)) {
    const ports = portsOf(context, record);
    if (ports.length > 0 && isOver(record, readFacts(context.store, record), context.keepForMs)) {
      const { outcome } = await collect(context, record.id, { waitMs: 0 });
      if (outcome === "released" || outcome === "gone" || outcome === "forgotten") continue;
      if (outcome === "failed" && hadNoAdd(context, record)) continue;
    }
    taken.push(...ports);
  }
  return taken;
}

/** Of the processes only the first one in the way is looked up: that reads the descriptors of every process. */
function portsOfProcesses(requests: readonly PortRequest[]): TakenPort[] {
  const listeners = asTakenPorts(readListeners());
  const named = requests
    .filter(isNamed)
    .map((port) => Object.assign({}, port, { hostPort: port.hostPorts[0] }));
  const inTheWay = findPortConflict(named, listeners)?.taken;
  if (inTheWay !== undefined) {
    inTheWay.holder = findSocketHolder(inTheWay.inode) ?? inTheWay.holder;
  }
  return listeners;
}

function otherRecords(context: SandboxContext, id: string): SandboxRecord[] {
  return context.store.list().flatMap((other) => {
    const record = other === id ? undefined : context.store.read(other);
    return record === undefined || record === "unreadable" ? [] : [record];
  });
}

function portsOf(context: SandboxContext, record: SandboxRecord): TakenPort[] {
  const name = record.name ?? record.id.slice(0, 12);
  const isStopped = context.store.stoppedAt(record.id) !== undefined;
  const holder = `container ${name}${isStopped ? ", which is stopped and keeps its network until it is removed" : ""}`;
  return record.attachments.flatMap(({ capabilityArgs }) => {
    const mappings = capabilityArgs["portMappings"];
    return Array.isArray(mappings)
      ? mappings.map((mapping: PortMapping) => Object.assign({}, mapping, { holder }))
      : [];
  });
}

function readAnyPort(): [number, number] {
  const [first, last] = readFileSync(ANY_PORT, "utf8").trim().split(/\s+/).map(Number);
  return first && last && first <= last ? [first, last] : [32_768, 60_999];
}

/** From 0 to 1, always the same for an id (FNV-1a). */
function placeOf(id: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(id)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash / 2 ** 32;
}
