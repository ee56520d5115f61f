import { declaresCapability, parseNetworkList, separablePlugins } from "../cni/index.ts";
import { UserError } from "../lib/errors.ts";
import { describePort, type PortMapping, type PortRequest } from "../ports/ports.ts";
import { isNamed } from "../ports/port-choice.ts";
import { findPortConflict, type TakenPort } from "../ports/port-conflict.ts";
import type { PortSelection } from "../ports/port-selection.ts";
import {
  type AttachmentRecord,
  type ChosenPort,
  publishedPorts,
  type SandboxRecord,
} from "../state/record.ts";

/** What of a record says which ports are published. */
export type PortFields = Pick<
  SandboxRecord,
  "attachments" | "chosenPorts" | "published" | "unpublished" | "unpublishing"
>;

/** Whether the plugins that publish ports can be called alone. */
export function canPublish({ list }: AttachmentRecord): boolean {
  return separablePlugins(parseNetworkList(list), "portMappings") !== undefined;
}

/** Throws BAD_REQUEST where no network of the container can publish ports beside what it does already. */
export function requirePublishing(name: string, { attachments }: PortFields): void {
  if (attachments.some(canPublish)) return;
  const able = attachments.filter(({ list }) =>
    declaresCapability(parseNetworkList(list), "portMappings"),
  );
  const networks = attachments.map(({ network }) => network).join(", ") || "none";
  throw new UserError(
    "BAD_REQUEST",
    able.length > 0
      ? `container ${name}: the plugins of network ${able[0]?.network} cannot publish ports alone`
      : `container ${name}: no network of it has a plugin with the capability portMappings (networks: ${networks})`,
    {
      hint: 'add {"type":"portmap","capabilities":{"portMappings":true}} behind the others to a network\'s plugins, and connect it',
    },
  );
}

/** What the container publishes, as what is in the way of more. Throws PORT_TAKEN for a port that it publishes already. */
export function ownPorts(
  name: string,
  record: PortFields,
  requests: readonly PortRequest[],
): TakenPort[] {
  const own = publishedPorts(record).map(({ hostPort, protocol, hostIP }): TakenPort => ({
    hostPort,
    protocol,
    hostIP,
    holder: `container ${name} itself`,
  }));
  const named = requests
    .filter(isNamed)
    .map(({ hostPorts, protocol, hostIP }) => ({ hostPort: hostPorts[0], protocol, hostIP }));
  const conflict = findPortConflict(named, own);
  if (conflict === undefined) return own;
  const { hostPort, protocol } = conflict.wanted;
  throw new UserError(
    "PORT_TAKEN",
    `port ${hostPort}/${protocol} of the host is published by container ${name} itself`,
    {
      hint: `see its ports with: docker-cni ls; take it away with: docker-cni unpublish ${name} ${hostPort}`,
    },
  );
}

/** The record with more ports published on every network that can. */
export function withPorts(
  record: PortFields,
  mappings: readonly PortMapping[],
  chosen: readonly ChosenPort[],
): PortFields {
  const isMore = among(mappings);
  const { unpublished = [], published = [], chosenPorts = [] } = record;
  const asked = among(unpublished);
  return {
    ...record,
    attachments: record.attachments.map((each) =>
      canPublish(each)
        ? withMappings(each, [...publishedPorts({ attachments: [each] }), ...mappings])
        : each,
    ),
    chosenPorts: [...chosenPorts, ...chosen],
    // What was asked for at first and comes back is no addition.
    published: [...published, ...mappings.filter((port) => !asked(port))],
    unpublished: unpublished.filter((port) => !isMore(port)),
  };
}

/** The record without ports. */
export function withoutPorts(record: PortFields, mappings: readonly PortMapping[]): PortFields {
  const isGone = among(mappings);
  const isLeft = (port: PortMapping): boolean => !isGone(port);
  const { unpublished = [], published = [], chosenPorts = [], unpublishing: _, ...rest } = record;
  const isAddition = among(published);
  return {
    ...rest,
    attachments: record.attachments.map((each) => {
      const own = publishedPorts({ attachments: [each] });
      return own.some(isGone) ? withMappings(each, own.filter(isLeft)) : each;
    }),
    chosenPorts: chosenPorts.filter(isLeft),
    published: published.filter(isLeft),
    unpublished: [...unpublished, ...mappings.filter((port) => !isAddition(port))],
  };
}

/** The published ports that are meant. Throws BAD_REQUEST, naming what is published, where a selection means none. */
export function selectPorts(
  name: string,
  record: PortFields,
  selections: readonly PortSelection[],
): PortMapping[] {
  const all = new Map(publishedPorts(record).map((port) => [describePort(port), port]));
  const found = selections.flatMap((selection) => {
    const meant = [...all.values()].filter((port) => isMeant(port, selection));
    if (meant.length > 0) return meant;
    const ports = [...all.keys()].join(", ");
    throw new UserError("BAD_REQUEST", `container ${name} publishes no port ${selection.text}`, {
      hint: ports === "" ? "it publishes none" : `it publishes: ${ports}`,
    });
  });
  const locked = record.attachments.find(
    (each) => !canPublish(each) && publishedPorts({ attachments: [each] }).some(among(found)),
  );
  if (locked === undefined) return [...new Set(found)];
  throw new UserError(
    "BAD_REQUEST",
    `container ${name}: the plugins of network ${locked.network} cannot give back ports alone`,
    { hint: `disconnect it from that network: docker-cni disconnect ${name} ${locked.network}` },
  );
}

function isMeant(
  { hostPort, containerPort, protocol, hostIP }: PortMapping,
  { hostPorts, containerPorts, ...selection }: PortSelection,
): boolean {
  return (
    isWithin(hostPort, hostPorts) &&
    protocol === selection.protocol &&
    (containerPorts === undefined || isWithin(containerPort, containerPorts)) &&
    (selection.hostIP === undefined || selection.hostIP === hostIP)
  );
}

function isWithin(port: number, [first, last]: readonly [number, number]): boolean {
  return first <= port && port <= last;
}

function among(ports: readonly PortMapping[]): (port: PortMapping) => boolean {
  const texts = new Set(ports.map(describePort));
  return (port) => texts.has(describePort(port));
}

function withMappings(attachment: AttachmentRecord, portMappings: PortMapping[]): AttachmentRecord {
  const { portMappings: _, ...others } = attachment.capabilityArgs;
  return {
    ...attachment,
    capabilityArgs: portMappings.length > 0 ? { ...others, portMappings } : others,
  };
}
