import { UserError } from "../lib/errors.ts";
import { type TakenPort, clash, findPortConflict } from "./port-conflict.ts";
import { type PortMapping, type PortRequest, describePort } from "./ports.ts";

/**
 * Gives every request its port of the host, in the order of the requests. A port that was named is taken as it is; of a range, or where any will
 * do, the one that it had before is chosen, or the first free one.
 * Throws PORT_TAKEN, naming the holder, when a port is not free.
 */
export function choosePorts(options: {
  requests: readonly PortRequest[];
  taken: readonly TakenPort[];
  /** Ports that somebody may want again: of what is left to choose they are the last. */
  avoided?: readonly TakenPort[];
  /** First and last port for requests without one, as in /proc/sys/net/ipv4/ip_local_port_range. */
  anyPort: readonly [first: number, last: number];
  /** From 0 to 1: where in `anyPort` the search begins. The same place gives a container the same port again. */
  start: number;
}): PortMapping[] {
  const chosen = new Map<PortRequest, PortMapping>();
  const taken = () => [...options.taken, ...asTaken([...chosen.values()])];
  for (const request of options.requests.filter(isNamed)) {
    chosen.set(request, takeNamed(request, taken()));
  }
  for (const request of options.requests) {
    if (!chosen.has(request))
      chosen.set(request, takeFree({ ...options, request, taken: taken() }));
  }
  return options.requests.flatMap((request) => chosen.get(request) ?? []);
}

/** Whether the port of the host was named, and not left to choose. */
export function isNamed(
  request: PortRequest,
): request is PortRequest & { hostPorts: readonly [number, number] } {
  return request.hostPorts !== undefined && request.hostPorts[0] === request.hostPorts[1];
}

function takeNamed(
  request: PortRequest & { hostPorts: readonly [number, number] },
  taken: readonly TakenPort[],
): PortMapping {
  const mapping = mappingOf(request, request.hostPorts[0]);
  const conflict = findPortConflict([mapping], taken);
  if (conflict === undefined) return mapping;
  throw new UserError(
    "PORT_TAKEN",
    `-p ${describePort(mapping)}: port ${mapping.hostPort}/${mapping.protocol} of the host is taken by ${conflict.taken.holder}`,
    { hint: "publish another port, or stop what holds this one" },
  );
}

function takeFree(options: {
  request: PortRequest;
  taken: readonly TakenPort[];
  avoided?: readonly TakenPort[];
  anyPort: readonly [number, number];
  start: number;
}): PortMapping {
  const { request, taken, avoided = [], anyPort, start } = options;
  const [first, last] = request.hostPorts ?? anyPort;
  const count = last - first + 1;
  const offset = request.hostPorts === undefined ? Math.floor(start * count) : 0;
  const before = request.before === undefined ? undefined : mappingOf(request, request.before);
  if (before !== undefined && !isAmong(before, taken)) return before;
  let lastResort: PortMapping | undefined;
  for (let step = 0; step < count; step++) {
    const mapping = mappingOf(request, first + ((offset + step) % count));
    if (isAmong(mapping, taken)) continue;
    if (!isAmong(mapping, avoided)) return mapping;
    lastResort ??= mapping;
  }
  if (lastResort !== undefined) return lastResort;
  throw new UserError(
    "PORT_TAKEN",
    `-p ${describePort(request)}: no port of the host from ${first} to ${last} is free`,
    { hint: "publish other ports, or stop what holds these" },
  );
}

function isAmong(mapping: PortMapping, others: readonly TakenPort[]): boolean {
  return others.some((other) => clash(mapping, other));
}

function mappingOf(request: PortRequest, hostPort: number): PortMapping {
  const { containerPort, protocol, hostIP } = request;
  return { hostPort, containerPort, protocol, ...(hostIP === undefined ? {} : { hostIP }) };
}

function asTaken(chosen: readonly PortMapping[]): TakenPort[] {
  return chosen.map(({ hostPort, protocol, hostIP }) => ({
    hostPort,
    protocol,
    hostIP,
    holder: "another -p of the same container",
  }));
}
