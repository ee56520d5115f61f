import { UserError } from "../lib/errors.ts";
import { type RequestSource, badRequest, shown } from "../lib/bad-request.ts";
import {
  type AttachmentRequest,
  checkNetworkName,
  plainNetwork,
  withInterfaceNames,
} from "./attachment-request.ts";
import { applyEnv, applyFlags } from "./first-network.ts";
import { isRequestKey } from "./trusted-labels.ts";
import { type PortRequest, parsePorts } from "../ports/ports.ts";
import { SELECTION_KEY, parseSelection } from "./selection.ts";
import {
  parseAliases,
  parseBandwidth,
  parseCniArgs,
  parseIps,
  parseKeep,
  parseMac,
  parseName,
} from "./values.ts";

/** Everything that was asked of a container's network. */
export interface SandboxRequest {
  /** `cni.networks=none`: the container is left alone. */
  none: boolean;
  /** In the order of their interfaces; empty only when `none`. */
  networks: (AttachmentRequest & { ifName: string })[];
  /** For every network that can publish ports. */
  ports: PortRequest[];
  /** `cni.keep`; undefined when nothing was said. */
  keep: boolean | undefined;
  /** `cni.name`: the container's name where no engine tells it. */
  name: string | undefined;
  /** `cni.reserve`, see `parseReserve`. */
  reserve: RequestSource | undefined;
  warnings: string[];
}

/** The request of a container that is to have no network. */
export const NOTHING: SandboxRequest = {
  none: true,
  networks: [],
  ports: [],
  keep: undefined,
  name: undefined,
  reserve: undefined,
  warnings: [],
};

export interface RequestInput {
  /** Of the spec and of the engine: always the operator's word. */
  annotations: Readonly<Record<string, string>>;
  /** The operator's labels, see `operatorWord`. */
  labels: Readonly<Record<string, string>>;
  /** `K=V`; only IPV4 and IPPOOL are looked at. Leave out where the environment has no say. */
  env?: readonly string[];
  /** What the engine was asked to publish. */
  ports?: readonly PortRequest[];
  /** `--mac-address`: that of the first network, where no `cni.mac` says otherwise. */
  macAddress?: string;
  /** `--ip`, `--ip6`: of the first network, where no `cni.ip` says otherwise. */
  ips?: readonly string[];
  /** `--network-alias`: further names on the first network. */
  networkAliases?: readonly string[];
  /** The network of a container that names none. */
  defaultNetwork?: string;
  /** The first network's interface; eth0 when not given. */
  ifName?: string;
}

const NETWORK_KEYS = ["ip", "mac", "bandwidth", "aliases", "args"] as const;
type NetworkKey = (typeof NETWORK_KEYS)[number];

/**
 * Reads all that was asked of a container's network, from annotations, labels, environment and published ports.
 * An annotation wins over the label of the same name. Throws BAD_REQUEST, naming the label or flag, for what is
 * malformed, contradicts itself or names a network that was not asked for.
 */
export function parseRequest(input: RequestInput): SandboxRequest {
  const sources = collectSources(input);
  const warnings: string[] = [];
  const networks = readNetworks(sources, input.defaultNetwork);
  const none = networks.length === 0;
  const portSource = sources.get("cni.ports");
  const ports = [
    ...(input.ports ?? []),
    ...(portSource === undefined ? [] : parsePorts(portSource)),
  ];
  if (none) {
    const ignored = [...sources.keys()].filter((key) => !NEUTRAL_KEYS.has(key));
    if (ports.length > 0) ignored.push("-p");
    if (ignored.length > 0)
      warnings.push(`no network was asked for: ${ignored.join(", ")} ignored`);
    return { ...NOTHING, warnings };
  }
  const named = withInterfaceNames(networks, input.ifName);
  for (const [key, source] of sources) {
    if (!applyToNetwork(named, key, source) && !KNOWN_KEYS.has(key)) {
      warnings.push(`${source.flag} is not known here and is ignored`);
    }
  }
  const [first] = named;
  if (first !== undefined) {
    applyEnv(first, input.env ?? []);
    applyFlags(first, input);
  }
  return {
    none,
    networks: named,
    ports,
    keep: parseKeep(sources.get("cni.keep")),
    name: parseName(sources.get("cni.name")),
    reserve: sources.get("cni.reserve"),
    warnings,
  };
}

/** Whether networks are named at all, so that the default network does not matter. */
export function namesNetworks(input: Pick<RequestInput, "annotations" | "labels">): boolean {
  return [input.annotations, input.labels].some((entries) =>
    ["cni.networks", SELECTION_KEY].some((key) => Object.hasOwn(entries, key)),
  );
}

const NEUTRAL_KEYS = new Set([
  "cni.networks",
  SELECTION_KEY,
  "cni.keep",
  "cni.name",
  "cni.reserve",
]);
const KNOWN_KEYS = new Set([...NEUTRAL_KEYS, "cni.ports"]);

/** What of annotations and labels asks for a network, by its key; an annotation counts in place of a label. Throws BAD_REQUEST. */
export function collectSources(
  input: Pick<RequestInput, "annotations" | "labels">,
): Map<string, RequestSource> {
  const sources = new Map<string, RequestSource>();
  const add = (flag: string, entries: Readonly<Record<string, string>>) => {
    const wanted = Object.entries(entries).filter(([key]) => isRequestKey(key));
    const selections = wanted.filter(([key]) => key === SELECTION_KEY || key === "cni.networks");
    if (selections.length > 1) {
      const source = { flag: `${flag} cni.networks`, value: selections[0]?.[1] ?? "" };
      throw badRequest(
        source,
        `${SELECTION_KEY} is given too: one of them is enough`,
        "front,back",
      );
    }
    for (const [key, value] of wanted) sources.set(key, { flag: `${flag} ${key}`, value });
    if (selections[0]?.[0] === "cni.networks") sources.delete(SELECTION_KEY);
    if (selections[0]?.[0] === SELECTION_KEY) sources.delete("cni.networks");
  };
  add("--label", input.labels);
  add("--annotation", input.annotations);
  return sources;
}

function readNetworks(
  sources: ReadonlyMap<string, RequestSource>,
  defaultNetwork: string | undefined,
): AttachmentRequest[] {
  const source = sources.get("cni.networks") ?? sources.get(SELECTION_KEY);
  if (source !== undefined) return parseSelection(source);
  return [plainNetwork(defaultNetwork)];
}

/** Applies `cni.ip`, `cni.ip.<network>` and so on; false when `key` is none of these. */
function applyToNetwork(
  networks: SandboxRequest["networks"],
  key: string,
  source: RequestSource,
): boolean {
  if (key === "cni.default-route") {
    findNetwork(networks, checkNetworkName(source, source.value.trim()), source).defaultRoute = [];
    return true;
  }
  const [, base = "", target] = /^cni\.([a-z]+)(?:\.(.+))?$/.exec(key) ?? [];
  const known = NETWORK_KEYS.find((name) => name === base);
  if (known === undefined) return false;
  const network = target === undefined ? networks[0] : findNetwork(networks, target, source);
  if (network !== undefined) applyValue(network, known, source);
  return true;
}

function applyValue(network: AttachmentRequest, key: NetworkKey, source: RequestSource): void {
  const isSet = {
    ip: network.ips.length > 0,
    mac: network.mac !== undefined,
    bandwidth: network.bandwidth !== undefined,
    aliases: network.aliases.length > 0,
    args: network.cniArgs.length > 0,
  }[key];
  if (isSet) {
    const problem = `${key} was given for network ${network.name ?? "(default)"} already`;
    throw badRequest(source, problem, "… only once for a network");
  }
  if (key === "ip") network.ips = parseIps(source);
  else if (key === "mac") network.mac = parseMac(source);
  else if (key === "bandwidth") network.bandwidth = parseBandwidth(source);
  else if (key === "aliases") network.aliases = parseAliases(source);
  else network.cniArgs = parseCniArgs(source);
}

/** The network of that name, or the one whose interface has that name. */
function findNetwork(
  networks: SandboxRequest["networks"],
  target: string,
  source: RequestSource,
): SandboxRequest["networks"][number] {
  const byName = networks.filter(({ name }) => name === target);
  const found = byName[0] ?? networks.find(({ ifName }) => ifName === target);
  if (found !== undefined && byName.length < 2) return found;
  const problem =
    found === undefined
      ? `no network or interface ${shown(target)} was asked for`
      : `network ${shown(target)} was asked for ${byName.length} times`;
  const choices = networks.map(
    ({ name, ifName }) => `${name ?? "the default network"} (${ifName})`,
  );
  throw new UserError("BAD_REQUEST", `${source.flag}: ${problem}`, {
    hint: `name one of these or its interface: ${choices.join(", ")}`,
  });
}
