import type { NetworkList } from "../cni/index.ts";
import { UserError } from "../lib/errors.ts";
import type { AttachmentRequest } from "../request/attachment-request.ts";
import { type DnsConf, macFor, rawListWithArgs, runtimeConfFor } from "../request/runtime-conf.ts";
import { type AttachmentRecord, everyAttachment, type SandboxRecord } from "../state/record.ts";

/** What is known when a container is to be connected to one more network. */
export interface ConnectionFacts {
  /** The container as messages name it. */
  name: string;
  record: SandboxRecord;
  list: NetworkList;
  request: AttachmentRequest;
  /** The interfaces in its namespace, where there is one. */
  links: readonly string[];
  /** Other containers; a stopped one gives up an address that is asked for by name. */
  others: readonly Neighbour[];
  /** CNI_ARGS that tell plugins of the workload. */
  workloadArgs: readonly [string, string][];
  dns?: DnsConf;
}

export interface Neighbour {
  name: string;
  isRunning: boolean;
  attachments: readonly AttachmentRecord[];
}

/** The most networks that a container is attached to. */
const MAX_NETWORKS = 64;

/** The attachment that is to be made. Throws BAD_REQUEST, naming what is in the way, and for what the network cannot carry. */
export function planConnection(facts: ConnectionFacts): AttachmentRecord {
  const { record, list, request, workloadArgs, dns } = facts;
  const ifName = interfaceFor(facts);
  refuseConflicts(facts);
  const conf = runtimeConfFor(list, request, { ...(dns && { dns }) });
  const mac = macFor(list, request);
  const { defaultRoute, aliases } = request;
  const raw =
    Object.keys(conf.configArgs).length === 0
      ? list.raw
      : rawListWithArgs(list.raw, list.plugins, conf.configArgs);
  return {
    network: list.name,
    ifName,
    list: raw,
    cniArgs: [["IgnoreUnknown", "1"], ...workloadArgs, ...conf.cniArgs],
    capabilityArgs: conf.capabilityArgs,
    addresses: [],
    ...(mac !== undefined && { mac }),
    ...(request.ifName !== undefined && { ifNameAsked: true as const }),
    ...(aliases.length > 0 && { aliases }),
    ...(defaultRoute && { defaultRoute }),
    // One that it was asked for with is its own again.
    ...(record.disconnected?.includes(list.name) !== true && { connected: true as const }),
  };
}

/** The interface that was asked for, or the next `eth` that is free. */
function interfaceFor({ name, record, request, links }: ConnectionFacts): string {
  const { ifName } = request;
  const owners = new Map<string, string>([
    ...links.map((link): [string, string] => [link, "the container itself"]),
    ...everyAttachment(record).map((each): [string, string] => [
      each.ifName,
      `network ${each.network}`,
    ]),
  ]);
  if (ifName !== undefined) {
    const owner = owners.get(ifName);
    if (owner === undefined) return ifName;
    throw new UserError(
      "BAD_REQUEST",
      `--ifname ${ifName}: container ${name} has an interface of this name, of ${owner}`,
      { hint: "choose another name, or leave it out" },
    );
  }
  let number = 0;
  while (owners.has(`eth${number}`)) number++;
  return `eth${number}`;
}

function refuseConflicts({ name, record, list, request, others }: ConnectionFacts): void {
  const same = record.attachments.find(({ network }) => network === list.name);
  if (same !== undefined) {
    throw new UserError(
      "BAD_REQUEST",
      `container ${name} is connected to network ${list.name} already, as ${same.ifName}`,
      { hint: `disconnect it first: docker-cni disconnect ${name} ${list.name}` },
    );
  }
  if (everyAttachment(record).length >= MAX_NETWORKS) {
    throw new UserError(
      "BAD_REQUEST",
      `container ${name} has ${MAX_NETWORKS} networks, which is the most`,
      { hint: "disconnect it from another one first" },
    );
  }
  for (const other of others) {
    for (const { network, addresses, mac } of other.attachments) {
      if (network !== list.name) continue;
      const has = new Set(addresses.map((address) => address.replace(/\/.*/, "")));
      const taken = request.ips.find(({ text }) => has.has(text));
      if (taken !== undefined && other.isRunning) throw isTaken("--ip", taken.text, other.name);
      const isSame = mac !== undefined && mac.toLowerCase() === request.mac;
      if (isSame && taken === undefined) throw isTaken("--mac", mac, other.name);
    }
  }
}

function isTaken(flag: string, value: string, owner: string): UserError {
  return new UserError("BAD_REQUEST", `${flag} ${value}: container ${owner} has it`, {
    hint: `choose another one, or stop ${owner} first`,
  });
}
