import { type RequestSource, badRequest, listItems, shown } from "../lib/bad-request.ts";
import type { JsonObject } from "../lib/fields.ts";
import type { IpWithPrefix } from "../lib/ip.ts";
import type { PortRequest } from "../ports/ports.ts";
import type { Bandwidth } from "./values.ts";

/** One network that a container is to be attached to, and what was asked of it. */
export interface AttachmentRequest {
  /** The name of the network list; undefined is the default network. */
  name: string | undefined;
  /** undefined: eth0, eth1, … by its place in the list. */
  ifName: string | undefined;
  /** Whether it was asked for. */
  ifNameAsked?: true;
  ips: IpWithPrefix[];
  mac?: string;
  bandwidth?: Bandwidth;
  aliases: string[];
  /** Pairs for CNI_ARGS. */
  cniArgs: [string, string][];
  /** What goes to `args.cni` in the network configuration. */
  configArgs?: JsonObject;
  /** Ports for this network alone. */
  ports: PortRequest[];
  /** Gateways of the default route on this network; an empty list leaves the gateway to the network. */
  defaultRoute?: string[];
  deviceID?: string;
  infinibandGUID?: string;
}

export const MAX_NETWORKS = 64;
const MAX_NAME = 100;
const EXAMPLE = "front,back@net1 or none";

/** A request for a network with nothing special asked of it. */
export function plainNetwork(name?: string, ifName?: string): AttachmentRequest {
  return { name, ifName, ips: [], aliases: [], cniArgs: [], ports: [] };
}

/**
 * The short form: `name[@interface],…`; a namespace in front (`ns/name`) is read past.
 * `none` alone gives an empty list.
 */
export function parseNetworkNames(source: RequestSource): AttachmentRequest[] {
  const items = listItems(source, MAX_NETWORKS, EXAMPLE);
  if (items.length === 1 && items[0] === "none") return [];
  if (items.includes("none")) {
    throw badRequest(source, "none stands alone", EXAMPLE);
  }
  const networks = items.map((item) => {
    const [path = "", ifName, ...rest] = item.split("@");
    const [name = "", namespace, ...more] = path.split("/").toReversed();
    if (rest.length > 0 || more.length > 0) {
      throw badRequest(source, `${shown(item)} is not name@interface`, EXAMPLE);
    }
    if (namespace !== undefined) checkNetworkName(source, namespace);
    return plainNetwork(
      checkNetworkName(source, name),
      ifName === undefined ? undefined : checkIfName(source, ifName),
    );
  });
  return withDistinctInterfaces(source, networks);
}

/** CNI specification, "Network configuration format": what a network's name may look like. */
export function checkNetworkName(source: RequestSource, name: string): string {
  if (name.length > MAX_NAME || !/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) {
    throw badRequest(source, `${shown(name)} cannot be the name of a network`, EXAMPLE);
  }
  return name;
}

/** What Linux takes as an interface name; `lo` is there already. */
export function checkIfName(source: RequestSource, ifName: string): string {
  if (
    !/^[a-zA-Z0-9_.-]{1,15}$/.test(ifName) ||
    [".", "..", "lo", "all", "default"].includes(ifName)
  ) {
    throw badRequest(source, `${shown(ifName)} cannot be the name of an interface`, EXAMPLE);
  }
  return ifName;
}

/** Throws when two networks ask for one interface name. */
export function withDistinctInterfaces(
  source: RequestSource,
  networks: AttachmentRequest[],
): AttachmentRequest[] {
  const names = networks.flatMap(({ ifName }) => ifName ?? []);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw badRequest(source, `two networks ask for the interface ${twice}`, EXAMPLE);
  }
  return networks;
}

/**
 * Every network with an interface name: the one asked for, else `first` for the first network and `eth<place>` for the
 * others, or the next `eth` that is free.
 */
export function withInterfaceNames<T extends AttachmentRequest>(
  networks: readonly T[],
  first = "eth0",
): (T & { ifName: string })[] {
  const taken = new Set(networks.map(({ ifName }) => ifName));
  return networks.map((network, place) => {
    if (network.ifName !== undefined) {
      return { ...network, ifName: network.ifName, ifNameAsked: true };
    }
    let number = place;
    let ifName = place === 0 ? first : `eth${number}`;
    while (taken.has(ifName)) ifName = `eth${++number}`;
    taken.add(ifName);
    return { ...network, ifName };
  });
}
