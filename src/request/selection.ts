import { type RequestSource, badRequest, shown } from "../lib/bad-request.ts";
import { type JsonObject, isJsonObject } from "../lib/fields.ts";
import { parseIp } from "../lib/ip.ts";
import {
  MAX_NETWORKS,
  type AttachmentRequest,
  checkIfName,
  checkNetworkName,
  parseNetworkNames,
  plainNetwork,
  withDistinctInterfaces,
} from "./attachment-request.ts";
import { type PortRequest, parseHostIp, parseProtocol } from "../ports/ports.ts";
import { BANDWIDTH_KEYS, type Bandwidth, completeBandwidth, parseIps, parseMac } from "./values.ts";

/** The annotation by which the Network Plumbing Working Group's convention selects networks. */
export const SELECTION_KEY = "k8s.v1.cni.cncf.io/networks";

const EXAMPLE = '[{"name":"front","interface":"net1","ips":["10.1.0.7/24"]}]';
const MAX_TEXT = 65_536;
const MAX_GUID = 64;
const MAX_PORTS = 4096;
const MAX_GATEWAYS = 4;

/**
 * Reads the value of a network selection: the short form `[namespace/]name[@interface],…`, or a JSON list of
 * selection elements (Kubernetes Network Custom Resource Definition De-facto Standard, 4.1.2.1.4). JSON is what
 * contains one of `[{"`. An empty list of networks stands for none.
 */
export function parseSelection(source: RequestSource): AttachmentRequest[] {
  if (!/[[{"]/.test(source.value)) return parseNetworkNames(source);
  if (source.value.length > MAX_TEXT) {
    throw badRequest(source, `longer than ${MAX_TEXT} characters`, EXAMPLE);
  }
  const elements = parseJsonList(source);
  if (elements.length === 0 || elements.length > MAX_NETWORKS) {
    throw badRequest(source, `expected 1 to ${MAX_NETWORKS} networks`, EXAMPLE);
  }
  return withDistinctInterfaces(
    source,
    elements.map((element) => parseElement(source, element)),
  );
}

function parseElement(source: RequestSource, element: unknown): AttachmentRequest {
  if (!isJsonObject(element)) throw badRequest(source, "an element is not an object", EXAMPLE);
  const field = (key: string) => stringField(source, element, key);
  const name = field("name");
  if (name === undefined) throw badRequest(source, "an element has no name", EXAMPLE);
  const request = plainNetwork(checkNetworkName(source, name));
  const [ifName, mac, deviceID, guid] = [
    field("interface") ?? field("interfaceRequest"),
    field("mac"),
    field("deviceID"),
    field("infiniband-guid"),
  ];
  if (ifName !== undefined) request.ifName = checkIfName(source, ifName);
  if (mac !== undefined) request.mac = parseMac(inside(source, "mac", mac));
  if (deviceID !== undefined) request.deviceID = plainText(source, "deviceID", deviceID);
  if (guid !== undefined) request.infinibandGUID = plainText(source, "infiniband-guid", guid);
  const ips = listField(source, element, "ips");
  if (ips.length > 0) request.ips = parseIps(inside(source, "ips", ips.join(",")));
  request.ports = parsePortMappings(source, element["portMappings"]);
  const bandwidth = parseBandwidthObject(source, element["bandwidth"]);
  if (bandwidth !== undefined) request.bandwidth = bandwidth;
  const args = element["cni-args"];
  if (args !== undefined && args !== null) {
    if (!isJsonObject(args)) throw badRequest(source, "cni-args is not an object", EXAMPLE);
    request.configArgs = args;
  }
  if (element["default-route"] !== undefined) {
    request.defaultRoute = parseGateways(source, listField(source, element, "default-route"));
  }
  return request;
}

function parsePortMappings(source: RequestSource, value: unknown): PortRequest[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > MAX_PORTS) {
    throw badRequest(source, `portMappings is not a list of at most ${MAX_PORTS}`, EXAMPLE);
  }
  return value.map((entry: unknown) => {
    if (!isJsonObject(entry)) throw badRequest(source, "a port mapping is not an object", EXAMPLE);
    const hostPort = entry["hostPort"] === undefined ? 0 : portField(source, entry, "hostPort");
    return {
      containerPort: portField(source, entry, "containerPort"),
      protocol: parseProtocol(source, stringField(source, entry, "protocol")),
      ...parseHostIp(source, stringField(source, entry, "hostIP") ?? ""),
      hostPorts: hostPort === 0 ? undefined : ([hostPort, hostPort] as const),
    };
  });
}

function parseBandwidthObject(source: RequestSource, value: unknown): Bandwidth | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isJsonObject(value)) throw badRequest(source, "bandwidth is not an object", EXAMPLE);
  const bandwidth: Bandwidth = {};
  for (const key of BANDWIDTH_KEYS) {
    const bits = value[key];
    if (bits === undefined || bits === 0) continue;
    if (typeof bits !== "number" || !Number.isSafeInteger(bits) || bits < 0) {
      throw badRequest(source, `bandwidth.${key} is not a number of bits`, EXAMPLE);
    }
    bandwidth[key] = bits;
  }
  return Object.keys(bandwidth).length === 0 ? undefined : completeBandwidth(source, bandwidth);
}

function parseGateways(source: RequestSource, texts: readonly string[]): string[] {
  if (texts.length > MAX_GATEWAYS) {
    throw badRequest(source, `default-route has more than ${MAX_GATEWAYS} gateways`, EXAMPLE);
  }
  return texts.map((text) => {
    const gateway = parseIp(text);
    if (gateway === undefined) {
      throw badRequest(source, `default-route: ${shown(text)} is not an IP address`, EXAMPLE);
    }
    return gateway.text;
  });
}

function parseJsonList(source: RequestSource): unknown[] {
  try {
    const value: unknown = JSON.parse(source.value);
    return Array.isArray(value) ? value : [value];
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw badRequest(source, "looks like JSON but is not", EXAMPLE);
  }
}

function stringField(source: RequestSource, entry: JsonObject, key: string): string | undefined {
  const value = entry[key];
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string") throw badRequest(source, `${key} is not a string`, EXAMPLE);
  return value;
}

function listField(source: RequestSource, entry: JsonObject, key: string): string[] {
  const value = entry[key];
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw badRequest(source, `${key} is not a list of strings`, EXAMPLE);
}

function portField(source: RequestSource, entry: JsonObject, key: string): number {
  const port = entry[key];
  const least = key === "hostPort" ? 0 : 1;
  if (typeof port === "number" && Number.isInteger(port) && port >= least && port <= 65_535) {
    return port;
  }
  throw badRequest(source, `${key} is not a port from 1 to 65535`, EXAMPLE);
}

function plainText(source: RequestSource, key: string, text: string): string {
  if (text.length <= MAX_GUID && /^[\w.:/@-]+$/.test(text)) return text;
  throw badRequest(source, `${key} has characters that do not belong there`, EXAMPLE);
}

function inside(source: RequestSource, key: string, value: string): RequestSource {
  return { flag: `${source.flag} ${key}`, value };
}
