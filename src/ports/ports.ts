import { type RequestSource, badRequest, listItems } from "../lib/bad-request.ts";
import type { PortBinding } from "../engine/docker-container.ts";
import { parseIp } from "../lib/ip.ts";

export type Protocol = "tcp" | "udp" | "sctp";

/** One entry of the `portMappings` capability, as the CNI conventions define it. */
export interface PortMapping {
  hostPort: number;
  containerPort: number;
  protocol: Protocol;
  /** Left out: every address of the host, IPv4 and IPv6. */
  hostIP?: string;
}

/** A port that was asked for; which port of the host it gets may still be open. */
export interface PortRequest {
  containerPort: number;
  protocol: Protocol;
  hostIP?: string;
  /** First and last port of the host to choose from; undefined means any free one. */
  hostPorts: readonly [first: number, last: number] | undefined;
  /** The port of the host that it had before, and has again where that is free. */
  before?: number;
}

const MAX_PORTS = 4096;
const EXAMPLE = "8080:80, 127.0.0.1:53:53/udp, [::1]:8443:443 or 7000-7002:6000-6002";

/**
 * The ports that Docker was asked to publish, as its daemon stores them for a container without a network of
 * Docker's: ranges of equal length come one by one, a host range for one port comes as `9100-9105`, `-p 90` with an
 * empty host port, and `-P` only as a flag beside the exposed ports.
 */
export function portsOfBindings(container: {
  portBindings: readonly PortBinding[];
  publishAllPorts: boolean;
  exposedPorts: readonly string[];
}): PortRequest[] {
  const bound = container.portBindings.map((binding) => {
    const source = { flag: "-p", value: describeBinding(binding) };
    return {
      ...parseContainerPort(source, binding.port),
      ...parseHostIp(source, binding.hostIp),
      hostPorts: parseHostPorts(source, binding.hostPort),
    };
  });
  const given = new Set(container.portBindings.map(({ port }) => port));
  const exposed = container.publishAllPorts
    ? container.exposedPorts.filter((port) => !given.has(port))
    : [];
  const all = exposed.map((port): PortRequest => {
    const { containerPort, protocol } = parseContainerPort({ flag: "--expose", value: port }, port);
    return { containerPort, protocol, hostPorts: undefined };
  });
  return checkCount({ flag: "-p", value: "…" }, uniquePorts([...bound, ...all]));
}

/** `cni.ports`, in the syntax of Docker's `-p`, a comma between two of them. */
export function parsePorts(source: RequestSource): PortRequest[] {
  const requests = listItems(source, MAX_PORTS, EXAMPLE).flatMap((item) =>
    parsePublish(source, item),
  );
  return checkCount(source, uniquePorts(requests));
}

/** Reads one protocol name; the default is tcp. */
export function parseProtocol(source: RequestSource, name: string | undefined): Protocol {
  const protocol = (name ?? "tcp").toLowerCase();
  if (protocol === "tcp" || protocol === "udp" || protocol === "sctp") return protocol;
  throw badRequest(source, "the protocol is not tcp, udp or sctp", EXAMPLE);
}

/** The host address of a mapping; every address of the host when empty. Throws for what is no address. */
export function parseHostIp(source: RequestSource, text: string): { hostIP?: string } {
  if (text === "") return {};
  const address = parseIp(text.replace(/^\[(.*)\]$/, "$1"));
  if (address === undefined) throw badRequest(source, "the host address is not an IP", EXAMPLE);
  return { hostIP: address.text };
}

/** `8080:80/tcp`, `127.0.0.1:53:53/udp` and so on, for messages. */
export function describePort(port: PortMapping | PortRequest): string {
  const host = "hostPort" in port ? String(port.hostPort) : (port.hostPorts?.join("-") ?? "");
  const address = port.hostIP?.includes(":") === true ? `[${port.hostIP}]` : port.hostIP;
  const front = address === undefined ? host : `${address}:${host}`;
  return `${front}:${port.containerPort}/${port.protocol}`;
}

function parsePublish(source: RequestSource, item: string): PortRequest[] {
  const match = /^(?:(\[[^\]]*\]|[^:]*):)?(?:([^:]*):)?([^:/]+)(?:\/(\w+))?$/.exec(item);
  if (match === null) throw badRequest(source, "not a port mapping", EXAMPLE);
  const [, first = "", second, containerText = "", protocolText] = match;
  const [hostIp, hostText] = second === undefined ? ["", first] : [first, second];
  const protocol = parseProtocol(source, protocolText);
  const address = parseHostIp(source, hostIp);
  const container = parseRange(source, containerText);
  const host = parseHostPorts(source, hostText);
  const count = container[1] - container[0] + 1;
  if (count > MAX_PORTS) throw badRequest(source, `more than ${MAX_PORTS} ports`, EXAMPLE);
  if (count > 1 && host !== undefined && host[1] - host[0] + 1 !== count) {
    throw badRequest(source, "the two ranges are not of the same length", EXAMPLE);
  }
  return Array.from({ length: count }, (_, index) => ({
    containerPort: container[0] + index,
    protocol,
    ...address,
    hostPorts: count === 1 || host === undefined ? host : [host[0] + index, host[0] + index],
  }));
}

function parseContainerPort(
  source: RequestSource,
  text: string,
): Pick<PortRequest, "containerPort" | "protocol"> {
  const [number = "", protocol] = text.split("/");
  const [first, last] = parseRange(source, number);
  if (first !== last) throw badRequest(source, "a range where one port is expected", EXAMPLE);
  return { containerPort: first, protocol: parseProtocol(source, protocol) };
}

function parseHostPorts(
  source: RequestSource,
  text: string,
): readonly [number, number] | undefined {
  return text === "" || text === "0" ? undefined : parseRange(source, text);
}

/** `80` or `80-90`: the first port and the last. */
export function parseRange(source: RequestSource, text: string): readonly [number, number] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || first < 1 || last > 65_535 || first > last) {
    throw badRequest(source, "a port is a number from 1 to 65535", EXAMPLE);
  }
  return [first, last];
}

function uniquePorts(ports: readonly PortRequest[]): PortRequest[] {
  return [...new Map(ports.map((port) => [describePort(port), port])).values()];
}

function checkCount(source: RequestSource, ports: PortRequest[]): PortRequest[] {
  if (ports.length > MAX_PORTS) throw badRequest(source, `more than ${MAX_PORTS} ports`, EXAMPLE);
  return ports;
}

function describeBinding({ port, hostIp, hostPort }: PortBinding): string {
  return `${hostIp === "" ? "" : `${hostIp}:`}${hostPort}:${port}`;
}
