import { UserError } from "../lib/errors.ts";
import { type JsonObject, isJsonObject } from "../lib/fields.ts";
import { type IpWithPrefix, parseIpWithPrefix, subnetHolds } from "../lib/ip.ts";
import type { AttachmentRequest } from "./attachment-request.ts";
import { type PortMapping, describePort } from "../ports/ports.ts";

/** The part of a network list that says what its plugins can be asked for. */
export interface NetworkListCapabilities {
  name: string;
  plugins: readonly JsonObject[];
}

/** What CNI is told of one attachment beside its network list (CNI specification, "Runtime configuration"). */
export interface RuntimeConf {
  capabilityArgs: JsonObject;
  /** Pairs for CNI_ARGS. */
  cniArgs: [string, string][];
  /** For `args.cni` of every plugin. */
  configArgs: JsonObject;
}

/** DNS settings that the operator gave, for plugins with the `dns` capability. */
export interface DnsConf {
  servers: readonly string[];
  searches: readonly string[];
  options: readonly string[];
}

/** Whether a plugin of the list declares the capability. */
function declares(list: NetworkListCapabilities, capability: string): boolean {
  return list.plugins.some((plugin) => {
    const { capabilities } = plugin;
    return isJsonObject(capabilities) && capabilities[capability] === true;
  });
}

/**
 * Turns what was asked of one network into capability arguments where its list declares the capability, else into
 * CNI_ARGS. Throws BAD_REQUEST, naming the network, for what neither can carry.
 *
 * @param ports of this network alone; those for all networks are shared out by `sharePorts`
 */
export function runtimeConfFor(
  list: NetworkListCapabilities,
  request: AttachmentRequest,
  options: { ports?: readonly PortMapping[]; dns?: DnsConf } = {},
): RuntimeConf {
  const { ports = [], dns } = options;
  const ips = askForIps(list, request.ips);
  const conf: RuntimeConf = {
    capabilityArgs: ips.capabilityArgs,
    cniArgs: [...request.cniArgs, ...ips.cniArgs],
    configArgs: { ...request.configArgs, ...ips.configArgs },
  };
  const give = (capability: string, value: unknown) => {
    conf.capabilityArgs[capability] = value;
  };
  const insist = (capability: string, value: unknown, flag: string) => {
    if (!declares(list, capability)) throw noCapability(list, capability, flag);
    give(capability, value);
  };
  if (request.mac !== undefined) {
    if (declares(list, "mac")) give("mac", request.mac);
    else conf.cniArgs.push(["MAC", request.mac]);
  }
  if (ports.length > 0) insist("portMappings", ports, `-p ${ports.map(describePort).join(" -p ")}`);
  if (request.bandwidth !== undefined) insist("bandwidth", request.bandwidth, "cni.bandwidth");
  if (request.deviceID !== undefined) insist("deviceID", request.deviceID, "deviceID");
  if (request.infinibandGUID !== undefined) {
    insist("infinibandGUID", request.infinibandGUID, "infiniband-guid");
  }
  if (request.aliases.length > 0 && declares(list, "aliases")) give("aliases", request.aliases);
  if (dns !== undefined && hasDns(dns) && declares(list, "dns")) give("dns", dns);
  return conf;
}

/**
 * The MAC that goes with the addresses that are asked for, where the network takes one and none is asked for: whoever has an
 * address after another has its MAC too, and is reached at once. The reference plugins `bridge` and `macvlan` take one from CNI_ARGS.
 */
export function macFor(
  list: NetworkListCapabilities,
  request: AttachmentRequest,
): string | undefined {
  const ip = request.ips.find(({ family }) => family === 4);
  if (ip === undefined || request.mac !== undefined) return undefined;
  const takesMac =
    declares(list, "mac") || list.plugins.some(({ type }) => TAKE_MAC.has(String(type)));
  return takesMac ? macOfAddress(ip.text) : undefined;
}

const TAKE_MAC = new Set(["bridge", "macvlan"]);

/** The MAC of an IPv4 address, as Docker's bridge derives it: 02:42 and its four bytes. */
export function macOfAddress(address: string): string | undefined {
  const bytes = address.split(".").map(Number);
  if (bytes.length !== 4) return undefined;
  return ["02", "42", ...bytes.map((byte) => byte.toString(16).padStart(2, "0"))].join(":");
}

/**
 * Tells which networks publish the ports that were asked for without naming one: all that declare `portMappings`.
 * Throws BAD_REQUEST, naming the networks, when there is none.
 */
export function networksForPorts<T extends NetworkListCapabilities>(
  lists: readonly T[],
  ports: readonly { containerPort: number }[],
): T[] {
  if (ports.length === 0) return [];
  const able = lists.filter((list) => declares(list, "portMappings"));
  const first = lists[0];
  if (able.length === 0 && first !== undefined) {
    const names = { name: lists.map(({ name }) => name).join(", "), plugins: [] };
    throw noCapability(names, "portMappings", "-p");
  }
  return able;
}

const REMEDIES: Record<string, string> = {
  portMappings: '{"type":"portmap","capabilities":{"portMappings":true}}',
  bandwidth: '{"type":"bandwidth","capabilities":{"bandwidth":true}}',
};

function noCapability(list: NetworkListCapabilities, capability: string, flag: string): UserError {
  const remedy = REMEDIES[capability];
  return new UserError(
    "BAD_REQUEST",
    `${flag} was asked for, but network ${list.name} has no plugin with the capability ${capability}`,
    {
      hint:
        remedy === undefined
          ? `choose a network whose configuration declares "capabilities":{"${capability}":true}`
          : `add ${remedy} to the network's plugins`,
    },
  );
}

/** How a network is asked for addresses, see `askForIps`. */
export interface IpsConf {
  capabilityArgs: JsonObject;
  cniArgs: [string, string][];
  configArgs: JsonObject;
}

/**
 * How a network is asked for these very addresses: by the `ips` capability where it is declared, else by IP in CNI_ARGS.
 * The capability's convention is `address/length`, and the static IPAM plugin insists on a length everywhere; other IPAM
 * plugins know their subnets, and some take bare addresses only. host-local reads several from `args.cni`, as its IP
 * holds one.
 */
export function askForIps(list: NetworkListCapabilities, ips: readonly IpWithPrefix[]): IpsConf {
  const conf: IpsConf = { capabilityArgs: {}, cniArgs: [], configArgs: {} };
  if (ips.length === 0) return conf;
  const types = ipamTypes(list);
  const isDeclared = declares(list, "ips");
  const texts = ips.map((ip) =>
    isDeclared || types.includes("static") ? withPrefix(list, ip) : ip.text,
  );
  if (isDeclared) conf.capabilityArgs["ips"] = texts;
  else if (texts.length > 1 && types.includes("host-local")) conf.configArgs["ips"] = texts;
  else conf.cniArgs.push(["IP", texts.join(",")]);
  return conf;
}

/** A prefix length that was not given is taken from the subnet of the configuration that holds the address. */
function withPrefix(list: NetworkListCapabilities, ip: IpWithPrefix): string {
  if (ip.prefix !== undefined) return `${ip.text}/${ip.prefix}`;
  const subnet = subnetsOf(list).find((candidate) => subnetHolds(candidate, ip));
  const prefix = subnet === undefined ? undefined : parseIpWithPrefix(subnet)?.prefix;
  if (prefix !== undefined) return `${ip.text}/${prefix}`;
  if (!ipamTypes(list).includes("static")) return ip.text;
  throw new UserError(
    "BAD_REQUEST",
    `cni.ip=${ip.text}: network ${list.name} has no subnet to take the prefix length from`,
    { hint: `say it: cni.ip=${ip.text}/${ip.family === 4 ? 24 : 64}` },
  );
}

/** The JSON text `raw` of a network list with `args` in the `args.cni` of each of its plugins (CNI conventions). */
export function rawListWithArgs(
  raw: string,
  plugins: readonly JsonObject[],
  args: JsonObject,
): string {
  const list: JsonObject = JSON.parse(raw);
  const extended = plugins.map((plugin) => {
    const own = isJsonObject(plugin["args"]) ? plugin["args"] : {};
    const cni = isJsonObject(own["cni"]) ? own["cni"] : {};
    return Object.assign({}, plugin, { args: { ...own, cni: { ...cni, ...args } } });
  });
  return JSON.stringify({ ...list, plugins: extended });
}

function ipamsOf(list: NetworkListCapabilities): JsonObject[] {
  return list.plugins.map((plugin) => plugin["ipam"]).filter(isJsonObject);
}

function ipamTypes(list: NetworkListCapabilities): unknown[] {
  return ipamsOf(list).map((ipam) => ipam["type"]);
}

/** Every `subnet`, `address` or `range` in CIDR notation that an IPAM configuration mentions. */
function subnetsOf(list: NetworkListCapabilities): string[] {
  const visit = (value: unknown): string[] => {
    if (Array.isArray(value)) return value.flatMap(visit);
    if (!isJsonObject(value)) return [];
    return Object.entries(value).flatMap(([key, item]) =>
      typeof item === "string" && ["subnet", "address", "range"].includes(key)
        ? [item]
        : visit(item),
    );
  };
  return ipamsOf(list).flatMap(visit);
}

function hasDns(dns: DnsConf): boolean {
  return dns.servers.length + dns.searches.length + dns.options.length > 0;
}
