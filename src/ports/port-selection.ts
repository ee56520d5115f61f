import { badRequest, listItems, type RequestSource } from "../lib/bad-request.ts";
import { parseHostIp, parseProtocol, parseRange, type Protocol } from "./ports.ts";

/** Ports of the host that are published, as the operator names them: 8080, 8080:80/udp, 127.0.0.1:8000-8010. */
export interface PortSelection {
  /** As it was written. */
  text: string;
  hostPorts: readonly [first: number, last: number];
  protocol: Protocol;
  /** undefined: whatever it leads to. */
  containerPorts?: readonly [first: number, last: number];
  /** undefined: on whatever address. */
  hostIP?: string;
}

const MAX_SELECTIONS = 4096;
const EXAMPLE = "8080, 8080:80, 53/udp, 127.0.0.1:8443 or 7000-7002";

/**
 * `[ADDRESS:]PORT[-PORT][:PORT[-PORT]][/PROTOCOL]`, a comma between two of them; the protocol is tcp unless told. Throws BAD_REQUEST.
 */
export function parseSelections(source: RequestSource): PortSelection[] {
  return listItems(source, MAX_SELECTIONS, EXAMPLE).map((text) => parseSelection(source, text));
}

function parseSelection(source: RequestSource, text: string): PortSelection {
  const match = /^(?:(\[[^\]]*\]|[\d.]*\.[\d.]*):)?([\d-]+)(?::([\d-]+))?(?:\/(\w+))?$/.exec(text);
  if (match === null) throw badRequest(source, "not a port of the host", EXAMPLE);
  const [, address = "", host = "", container, protocol] = match;
  return {
    text,
    hostPorts: parseRange(source, host),
    protocol: parseProtocol(source, protocol),
    ...(container !== undefined && { containerPorts: parseRange(source, container) }),
    ...parseHostIp(source, address),
  };
}
