import { parseNetworkList } from "../cni/index.ts";
import type { Asked } from "../request/asked.ts";
import { isNamed } from "../ports/port-choice.ts";
import { describePort, type PortMapping, type PortRequest } from "../ports/ports.ts";
import { networksForPorts } from "../request/runtime-conf.ts";
import type { SandboxContext } from "../sandbox/context.ts";
import { type ChosenPort, publishedPorts, type SandboxRecord } from "../state/record.ts";
import { setPorts } from "../state/transitions.ts";
import { type PortsRequest, withAllottedPorts } from "./ports.ts";

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
export async function takeOtherPorts(
  context: SandboxContext,
  record: SandboxRecord,
  networkRequest: PortsRequest,
  asked: Asked,
): Promise<void> {
  const lists = record.attachments.map(({ list }) => parseNetworkList(list));
  const publishing = networksForPorts(lists, networkRequest.ports);
  const ports = networkRequest.ports.map((request) => asBefore(request, record.chosenPorts ?? []));
  await withAllottedPorts(
    context,
    record.id,
    { ...networkRequest, ports },
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
