import type { Asked } from "../request/asked.ts";
import type { PortMapping } from "../ports/ports.ts";

/** What docker-cni remembers of a container's network: enough to undo it, or to build it again as it was. */
export interface SandboxRecord {
  version: 1;
  /** The container's id, whole. */
  id: string;
  /**
   * `creating`: effects may exist that no result tells of. `attached`: every attachment has its result in the CNI cache.
   * `reserved`: its container is gone, and the next one of its name takes it over. `removing`: being undone; nothing of it is
   * worth keeping.
   */
  state: "creating" | "attached" | "reserved" | "removing";
  /** The namespace's name below /run/netns. */
  netns: string;
  /** The boot in which the namespace and the attachments were made (/proc/sys/kernel/random/boot_id). */
  bootId: string;
  /** ISO 8601. */
  createdAt: string;
  /** Whether the network outlives a stop, until the engine removes the container. */
  keep: boolean;
  /** The engine's own folder of the container; the container exists as long as it does. */
  containerDir?: string;
  /** The low-level runtime's folder of the container; it is there from its `create` to its `delete`. */
  runtimeDir: string;
  /** The container has a user namespace of its own: its runtime makes a new network namespace at every start. */
  userns?: boolean;
  /** The interfaces on which the container's own sysctls switch IPv6 off at its start; `all` for every one. */
  withoutIpv6?: string[];
  /** The engine's name for the container. */
  name?: string;
  /** The names that others on its networks know it by. */
  names?: string[];
  /** The name that others of its docker compose project know it by. */
  service?: { project: string; service: string };
  /** The engine's own files that the container has as /etc/hosts and /etc/resolv.conf. */
  files?: { hosts?: string; resolvConf?: string };
  /** The name server's addresses that its resolv.conf has for each of its networks whose names come by DNS, since its start. */
  dns?: Record<string, string[]>;
  /**
   * What is happening to the published ports; without a word they are held. `releasing`: their DEL has begun. `released`: it is
   * done, the container is stopped, and the ports are anybody's. `acquiring`: they are the container's again, and their ADD has
   * begun.
   */
  ports?: "releasing" | "released" | "acquiring";
  /** What Docker's own files asked of the network when it was made. */
  asked?: Asked;
  /** The published ports whose number on the host was left to choose. */
  chosenPorts?: ChosenPort[];
  /** The environment that its plugins have, in every call of them: what the engine started it with, see `pluginEnvironment`. */
  environment?: Record<string, string>;
  /** The id that CNI knows its attachments by, where that is the one of the container that had them first. */
  cniId?: string;
  /** The name for which the network is reserved when the container is removed. */
  reserve?: string;
  /** Of a reserved one: it is to be built again, as one that is `creating`. */
  unfinished?: true;
  /** Of a reserved one: the container that is about to take it over, or was killed at that. */
  successor?: string;
  /** The reserved sandbox that was taken over, as long as there may be something of it. */
  predecessor?: string;
  attachments: AttachmentRecord[];
  /** What `connect` and `disconnect` are at, or were killed at: it is none of the attachments, and is to be undone. */
  changing?: ChangingAttachment[];
  /** Networks that were asked for, and that the operator has disconnected since. */
  disconnected?: string[];
  /** Ports that the operator published beside those that were asked for. */
  published?: PortMapping[];
  /** Ports that were asked for, and that the operator has unpublished since. */
  unpublished?: PortMapping[];
  /** Ports that are given up when the DEL that has begun is done. */
  unpublishing?: PortMapping[];
}

/** An attachment that is made or undone while the others stay. */
export interface ChangingAttachment {
  change: "connecting" | "disconnecting";
  attachment: AttachmentRecord;
  /** The default routes from before its ADD, and what stands in for them until it is done. */
  routes?: { before: RouteText[]; standIns: RouteText[] };
}

/** A route as ip-route(8) prints it and takes it. */
export interface RouteText {
  family: 4 | 6;
  text: string;
}

/** A published port, and the first and last one that it was chosen from; without, from all. */
export interface ChosenPort extends PortMapping {
  from?: readonly [first: number, last: number];
}

/** The ports of the host that the container publishes while it runs, on all of its networks. */
export function publishedPorts({ attachments }: Pick<SandboxRecord, "attachments">): PortMapping[] {
  return attachments.flatMap(({ capabilityArgs }) => {
    const mappings = capabilityArgs["portMappings"];
    return Array.isArray(mappings) ? mappings : [];
  });
}

/** The id that CNI knows the attachments of a sandbox by. */
export function cniIdOf({ id, cniId }: Pick<SandboxRecord, "id" | "cniId">): string {
  return cniId ?? id;
}

/** The attachments of which there may be something to undo, those that are being changed too. */
export function everyAttachment({ attachments, changing = [] }: SandboxRecord): AttachmentRecord[] {
  return [...attachments, ...changing.map(({ attachment }) => attachment)];
}

/** A container on a network under an interface name, as it was asked for and what it was given. */
export interface AttachmentRecord {
  network: string;
  ifName: string;
  /** The network list as it was loaded, JSON. */
  list: string;
  cniArgs: [string, string][];
  capabilityArgs: Record<string, unknown>;
  /** What ADD gave: "address/length" each; asked for again when the network has to be rebuilt. */
  addresses: string[];
  /** Addresses that it had, and the ids of the containers that asked for them by name while this one was stopped. */
  lost?: { address: string; by: string }[];
  /** What it has, or what is asked for of our own accord. */
  mac?: string;
  /** Its addresses before it was built again, where the network gave it others then. */
  formerAddresses?: string[];
  /** The operator asked for an interface of this name. */
  ifNameAsked?: true;
  /** Faults that CHECK finds in what was just built as well (`faultKey`): they are the plugin's own. */
  falseFaults?: string[];
  /** Further names of the container on this network. */
  aliases?: string[];
  /** Gateways of the default route that was asked for on this network; empty: the network's own. */
  defaultRoute?: string[];
  /** The operator connected it beside those that were asked for. */
  connected?: true;
  /** The default routes that were asked for on other interfaces until this one took their place. */
  tookDefaultRoute?: Record<string, string[]>;
}

const STATES: ReadonlySet<string> = new Set(["creating", "attached", "reserved", "removing"]);
const PORTS_STATES: ReadonlySet<string> = new Set(["releasing", "released", "acquiring"]);

/** Reads a record's JSON; undefined when the text is no record of this version (cut off, or of a newer program). */
export function parseRecord(text: string): SandboxRecord | undefined {
  let record: SandboxRecord | null;
  try {
    record = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (record?.version !== 1) return undefined;
  const { id, netns, attachments, state, ports } = record;
  const isWhole = typeof id === "string" && typeof netns === "string" && Array.isArray(attachments);
  const isKnown = STATES.has(state) && (ports === undefined || PORTS_STATES.has(ports));
  return isWhole && isKnown ? record : undefined;
}
