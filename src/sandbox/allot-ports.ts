import { readFileSync } from "node:fs";
import { fingerprint } from "../lib/fingerprint.ts";
import { asTakenPorts, findSocketHolder, readListeners } from "../ports/listeners.ts";
import { clash, findPortConflict, type TakenPort } from "../ports/port-conflict.ts";
import { choosePorts, isNamed } from "../ports/port-choice.ts";
import type { PortMapping, PortRequest } from "../ports/ports.ts";
import type { SandboxRequest } from "../request/request.ts";
import { UserError } from "../lib/errors.ts";
import type { SandboxContext } from "./context.ts";
import { nameOfNow } from "./current-name.ts";
import { isOver } from "../state/assess.ts";
import { assessNow, isLeftToRelease } from "../state/facts.ts";
import { holdsPorts, releaseForOther, whyKept } from "./published.ts";
import { hadNoAdd } from "./release.ts";
import {
  type ChosenPort,
  everyAttachment,
  publishedPorts,
  type SandboxRecord,
} from "../state/record.ts";

const ANY_PORT = "/proc/sys/net/ipv4/ip_local_port_range";

/** The ports of the host that a container publishes. */
export interface AllottedPorts {
  /** On every network that can. */
  all: PortMapping[];
  /** On one network alone, in the order of the networks. */
  byNetwork: PortMapping[][];
  /** Those whose number was left to choose. */
  chosen: ChosenPort[];
}

/** What a container asked for that may be ports. */
export interface PortsRequest extends Pick<SandboxRequest, "ports" | "networks"> {
  /** What the container publishes already, beside which this is asked for. */
  own?: readonly TakenPort[];
}

/**
 * Allots the ports that were asked for and calls `use` with them, which has to write them down: until it has, nobody else is
 * allotted any.
 */
export async function withAllottedPorts<T>(
  context: SandboxContext,
  id: string,
  networkRequest: PortsRequest,
  use: (ports: AllottedPorts) => T,
): Promise<T> {
  await makeRoom(
    context,
    id,
    [networkRequest.ports, ...networkRequest.networks.map(({ ports }) => ports)].flat(),
  );
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
    return use(await allotPorts(context, id, networkRequest));
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
  networkRequest: PortsRequest,
): Promise<AllottedPorts> {
  const wanted = [networkRequest.ports, ...networkRequest.networks.map(({ ports }) => ports)];
  const requests = wanted.flat();
  const { taken, avoided } = await portsOfOthers(context, id, requests);
  return choose(id, wanted, { taken: [...(networkRequest.own ?? []), ...taken], avoided });
}

/** The ports that would be allotted now, without anything of it being done. Throws PORT_TAKEN. */
export function previewPorts(
  context: SandboxContext,
  id: string,
  { ports, networks }: PortsRequest,
): AllottedPorts {
  const records = otherRecords(context, id).filter((record) => !isOver(assessNow(context, record)));
  const holders = (holds: boolean): TakenPort[] =>
    records
      .filter((record) => holdsPorts(context, record) === holds)
      .flatMap((record) =>
        publishedPorts(record).map(({ hostPort, protocol, hostIP }): TakenPort => {
          return { hostPort, protocol, hostIP, holder: describeHolder(context, record) };
        }),
      );
  const wanted = [ports, ...networks.map((network) => network.ports)];
  return choose(id, wanted, { taken: holders(true), avoided: holders(false) });
}

function choose(
  id: string,
  wanted: readonly (readonly PortRequest[])[],
  { taken, avoided }: { taken: readonly TakenPort[]; avoided: readonly TakenPort[] },
): AllottedPorts {
  const requests = wanted.flat();
  const mappings = choosePorts({
    requests,
    taken: [...taken, ...portsOfProcesses(requests)],
    avoided,
    anyPort: readAnyPort(),
    start: fingerprint(id) / 2 ** 32,
  });
  const [all = [], ...byNetwork] = wanted.map((asked) =>
    mappings.filter((_, place) => asked.some((request) => request === requests[place])),
  );
  const chosen = mappings.flatMap((mapping, place): ChosenPort[] => {
    const request = requests[place];
    if (request === undefined || isNamed(request)) return [];
    return [{ ...mapping, ...(request.hostPorts && { from: request.hostPorts }) }];
  });
  return { all, byNetwork, chosen };
}

/**
 * Waits for the release of what publishes ports and is gone, and has stopped containers give back at once what is wanted of them, while
 * nobody is kept from being allotted others.
 */
async function makeRoom(
  context: SandboxContext,
  id: string,
  requests: readonly PortRequest[],
): Promise<void> {
  const others = otherRecords(context, id);
  for (const record of others) {
    if (publishedPorts(record).length === 0 || !isLeftToRelease(record)) continue;
    const { collect } = await import("./gc.ts");
    await collect(context, record.id, { waitMs: context.lockTimeoutMs });
  }
  await releaseWanted(context, others, requests);
}

/** Has stopped containers give back at once what is wanted of them, while nobody is kept from being allotted others. */
export async function releaseStopped(
  context: SandboxContext,
  id: string,
  requests: readonly PortRequest[],
): Promise<void> {
  await releaseWanted(context, otherRecords(context, id), requests);
}

async function releaseWanted(
  context: SandboxContext,
  others: readonly SandboxRecord[],
  requests: readonly PortRequest[],
): Promise<void> {
  const isWanted = (port: PortMapping): boolean =>
    requests.some(({ hostPorts: [first, last] = [0, 0], protocol, hostIP }) => {
      const { hostPort } = port;
      return first <= hostPort && hostPort <= last && clash({ hostPort, protocol, hostIP }, port);
    });
  for (const record of others) {
    if (publishedPorts(record).some(isWanted)) await releaseForOther(context, record.id);
  }
}

/**
 * Waits for no other sandbox: one whose lock is held may wait for the lock on the ports itself, and counts as somebody's.
 */
export async function portsOfOthers(
  context: SandboxContext,
  id: string,
  requests: readonly PortRequest[],
): Promise<{ taken: TakenPort[]; avoided: TakenPort[] }> {
  const taken: (TakenPort & { record: SandboxRecord })[] = [];
  const avoided: TakenPort[] = [];
  for (const record of otherRecords(context, id)) {
    const ports = publishedPorts(record).map(({ hostPort, protocol, hostIP }) => {
      return { hostPort, protocol, hostIP, holder: "another container", record };
    });
    if (ports.length > 0 && isOver(assessNow(context, record))) {
      const { collect } = await import("./gc.ts");
      const { outcome } = await collect(context, record.id, { waitMs: 0 });
      if (outcome === "released" || outcome === "gone" || outcome === "forgotten") continue;
      if (outcome === "failed" && hadNoAdd(context, record)) continue;
    }
    (holdsPorts(context, record) ? taken : avoided).push(...ports);
  }
  const inTheWay = findPortConflict(requests.flatMap(asNamed), taken)?.taken;
  if (inTheWay !== undefined) inTheWay.holder = describeHolder(context, inTheWay.record);
  return { taken, avoided };
}

/** By the name of now: a container may have been renamed since it started. */
function describeHolder(context: SandboxContext, record: SandboxRecord): string {
  const name = nameOfNow(record) ?? record.id.slice(0, 12);
  const why = whyKept(context, record);
  return `container ${name}${why === undefined ? "" : `, ${why}`}`;
}

/** Of the processes only the first one in the way is looked up: that reads the descriptors of every process. */
function portsOfProcesses(requests: readonly PortRequest[]): TakenPort[] {
  const listeners = asTakenPorts(readListeners());
  const inTheWay = findPortConflict(requests.flatMap(asNamed), listeners)?.taken;
  if (inTheWay !== undefined) {
    inTheWay.holder = findSocketHolder(inTheWay.inode) ?? inTheWay.holder;
  }
  return listeners;
}

function asNamed(request: PortRequest): Pick<TakenPort, "hostPort" | "protocol" | "hostIP">[] {
  if (!isNamed(request)) return [];
  const { hostPorts, protocol, hostIP } = request;
  return [{ hostPort: hostPorts[0], protocol, hostIP }];
}

function otherRecords(context: SandboxContext, id: string): SandboxRecord[] {
  return context.store.list().flatMap((other) => {
    const record = other === id ? undefined : context.store.read(other);
    if (record === undefined || record === "unreadable") return [];
    // A port is in use until the network that publishes it is undone.
    return [{ ...record, attachments: everyAttachment(record) }];
  });
}

function readAnyPort(): [number, number] {
  const [first, last] = readFileSync(ANY_PORT, "utf8").trim().split(/\s+/).map(Number);
  return first && last && first <= last ? [first, last] : [32_768, 60_999];
}
