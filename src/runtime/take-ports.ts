import { CniError, parseNetworkList } from "../cni/index.ts";
import { isNamed } from "../ports/port-choice.ts";
import { describePort, type PortMapping, type PortRequest } from "../ports/ports.ts";
import { networksForPorts } from "../request/runtime-conf.ts";
import type { SandboxContext } from "../sandbox/context.ts";
import { heldTwice } from "../sandbox/held-twice.ts";
import { acquirePorts, releaseOrLog } from "../sandbox/published.ts";
import {
  type AttachmentRecord,
  type ChosenPort,
  publishedPorts,
  type SandboxRecord,
} from "../state/record.ts";
import { setPorts, transition } from "../state/transitions.ts";
import { planAttachments } from "./new-record.ts";
import type { PortsPlan, StartPlan } from "./plan.ts";
import { type PortsRequest, withAllottedPorts } from "../sandbox/allot-ports.ts";

/** Takes the ports that are planned, with the sandbox's lock held, and writes them down. Throws PORT_TAKEN, naming the holder. */
export async function takePorts(
  context: SandboxContext,
  { record, ports, isEdited }: Pick<StartPlan, "record" | "ports" | "isEdited">,
): Promise<void> {
  switch (ports.take) {
    case "none":
      // Those that the operator published stay, whatever was edited.
      if (publishedPorts(record).length === 0) return;
      await releaseHeld(context, record);
      return takePortsAgain(context, record);
    case "held":
      return warnOfOthers(context, record);
    case "asked":
      return takeAskedPorts(context, record, { ports, durable: isEdited });
    case "again":
      await releaseHeld(context, record);
      return takePortsAgain(context, record);
    case "others":
      await releaseHeld(context, record);
      return takeOtherPorts(context, record, ports);
  }
}

/** What a stop did not give back, or not to the end, is given back before it is allotted anew. */
async function releaseHeld(context: SandboxContext, record: SandboxRecord): Promise<void> {
  if (record.ports !== "released") await releaseOrLog(context, record);
}

/** The ports that were never given back may be listened on by a process of the host all the same. */
function warnOfOthers(context: SandboxContext, record: SandboxRecord): void {
  const reason = heldTwice(record);
  if (reason !== undefined) context.log.warn({ container: record.id, step: "ports" }, reason);
}

/** Publishes the ports of a network that is well otherwise; where that fails all of it is built again. */
export async function publishAgain(context: SandboxContext, record: SandboxRecord): Promise<void> {
  try {
    await acquirePorts(context, record);
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    context.log.warn({ container: record.id, step: "ports", err: error }, "the network is rebuilt");
    const { reattach } = await import("../sandbox/rebuild.ts");
    await reattach(context, record);
    transition(context.store, record, "attached");
  }
}

/** Takes the ports of a network that is about to be made. */
async function takeAskedPorts(
  context: SandboxContext,
  record: SandboxRecord,
  { ports, durable }: { ports: Extract<PortsPlan, { take: "asked" }>; durable: boolean },
): Promise<void> {
  const request = withChanges(ports.request, record);
  await withAllottedPorts(context, record.id, request, (allotted) => {
    const planned = planAttachments(ports.attachments, allotted);
    for (const attachment of record.attachments) {
      const asked = attachment.connected === true ? undefined : argsOf(planned, attachment);
      const own = publishedPorts({ attachments: [attachment] });
      attachment.capabilityArgs = withOwnPorts(
        asked ?? withoutPorts(attachment),
        own,
        allotted.all,
      );
    }
    if (allotted.chosen.length > 0) record.chosenPorts = allotted.chosen;
    context.store.write(record, { durable });
  });
}

/**
 * Takes the ports of a kept sandbox again that a stop gave back, with its lock held: it is noted in its record, where they are
 * `acquiring` from then on. Those that were named stay as they are; others stay where they are free. Throws PORT_TAKEN,
 * naming the holder.
 */
export async function takePortsAgain(
  context: SandboxContext,
  record: SandboxRecord,
): Promise<void> {
  const mappings = new Map(
    publishedPorts(record).map((mapping) => [describePort(mapping), mapping]),
  );
  const wasChosen = new Map(record.chosenPorts?.map((port) => [describePort(port), port]));
  const ports = [...mappings].map(([text, mapping]) => askAgain(mapping, wasChosen.get(text)));
  await withAllottedPorts(context, record.id, { ports, networks: [] }, ({ all, chosen }) => {
    const now = new Map([...mappings.keys()].map((text, place) => [text, all[place]]));
    for (const attachment of record.attachments) {
      const mine = publishedPorts({ attachments: [attachment] });
      if (mine.length === 0) continue;
      attachment.capabilityArgs = {
        ...attachment.capabilityArgs,
        portMappings: mine.map((mapping) => now.get(describePort(mapping)) ?? mapping),
      };
    }
    setPorts(record, "acquiring");
    if (chosen.length > 0) record.chosenPorts = chosen;
    context.store.write(record);
  });
}

/**
 * Takes the ports that are asked for now in the place of those of before, which were given back, as `takePortsAgain` does. What was
 * left to choose and was asked for before as well stays the same where it is free. `asked` is noted with them. Throws
 * BAD_REQUEST where no network can publish them.
 */
async function takeOtherPorts(
  context: SandboxContext,
  record: SandboxRecord,
  { request: networkRequest, asked }: Extract<PortsPlan, { take: "others" }>,
): Promise<void> {
  const lists = record.attachments.map(({ list }) => parseNetworkList(list));
  const wanted = withChanges(networkRequest, record);
  const publishing = networksForPorts(lists, wanted.ports);
  const ports = wanted.ports.map((request) => asBefore(request, record.chosenPorts ?? []));
  await withAllottedPorts(
    context,
    record.id,
    { ...wanted, ports },
    ({ all, byNetwork, chosen }) => {
      for (const [place, attachment] of record.attachments.entries()) {
        const isPublishing = publishing.some((list) => list === lists[place]);
        const portMappings = [...(isPublishing ? all : []), ...(byNetwork[place] ?? [])];
        const { portMappings: _, ...others } = attachment.capabilityArgs;
        attachment.capabilityArgs = portMappings.length > 0 ? { ...others, portMappings } : others;
      }
      setPorts(record, "acquiring");
      Object.assign(record, { chosenPorts: chosen, asked });
      context.store.write(record);
    },
  );
}

function argsOf(
  planned: readonly AttachmentRecord[],
  { ifName }: AttachmentRecord,
): AttachmentRecord["capabilityArgs"] | undefined {
  return planned.find((each) => each.ifName === ifName)?.capabilityArgs;
}

function withoutPorts({ capabilityArgs }: AttachmentRecord): AttachmentRecord["capabilityArgs"] {
  const { portMappings: _, ...others } = capabilityArgs;
  return others;
}

/** With those of its own ports of before that were allotted again. */
function withOwnPorts(
  capabilityArgs: AttachmentRecord["capabilityArgs"],
  own: readonly PortMapping[],
  allotted: readonly PortMapping[],
): AttachmentRecord["capabilityArgs"] {
  const asked = capabilityArgs["portMappings"];
  const had: PortMapping[] = Array.isArray(asked) ? asked : [];
  const [texts, wanted] = [had, own].map((ports) => new Set(ports.map(describePort)));
  const more = allotted.filter(
    (port) => wanted?.has(describePort(port)) === true && texts?.has(describePort(port)) !== true,
  );
  return more.length === 0
    ? capabilityArgs
    : { ...capabilityArgs, portMappings: [...had, ...more] };
}

/** What is asked for by Docker's files, as the operator changed it since by publish and unpublish. */
function withChanges(
  request: PortsRequest,
  { published = [], unpublished = [] }: SandboxRecord,
): PortsRequest {
  if (published.length === 0 && unpublished.length === 0) return request;
  const isLeft = (port: PortRequest): boolean =>
    !unpublished.some(({ hostPort, containerPort, protocol, hostIP }) => {
      const isSame = port.containerPort === containerPort && port.protocol === protocol;
      return isSame && port.hostIP === hostIP && isWithin(hostPort, port.hostPorts);
    });
  const more = published.map(({ hostPort, ...port }): PortRequest => {
    return { ...port, hostPorts: [hostPort, hostPort] };
  });
  return { ...request, ports: [...request.ports.filter(isLeft), ...more] };
}

function asBefore(request: PortRequest, chosen: readonly ChosenPort[]): PortRequest {
  if (isNamed(request)) return request;
  const before = chosen.find(
    ({ containerPort, protocol, hostIP, hostPort }) =>
      containerPort === request.containerPort &&
      protocol === request.protocol &&
      hostIP === request.hostIP &&
      isWithin(hostPort, request.hostPorts),
  );
  return before === undefined ? request : { ...request, before: before.hostPort };
}

function isWithin(port: number, range: PortRequest["hostPorts"]): boolean {
  return range === undefined || (range[0] <= port && port <= range[1]);
}

/** What a mapping was asked for as; `chosen` where its port of the host was left to choose. */
function askAgain(mapping: PortMapping, chosen: ChosenPort | undefined): PortRequest {
  const { hostPort, ...port } = mapping;
  if (chosen === undefined) return { ...port, hostPorts: [hostPort, hostPort] };
  return { ...port, hostPorts: chosen.from, before: hostPort };
}
