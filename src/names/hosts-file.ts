import { isHostName } from "./host-name.ts";

export const BEGIN = "# docker-cni: from here on kept by docker-cni";
export const END = "# docker-cni: up to here";
/** What both begin with. */
export const MARK = "# docker-cni: ";

/**
 * The names of a container, most specific first: `-h` with its domain, the part before the first dot, `--name`, aliases.
 */
export function namesOf(container: {
  hostname?: string | undefined;
  domainname?: string | undefined;
  name?: string | undefined;
  aliases?: readonly string[] | undefined;
}): string[] {
  const { hostname, domainname, name, aliases = [] } = container;
  const full = hostname && domainname ? `${hostname}.${domainname}` : undefined;
  const short = hostname?.split(".")[0];
  const names = [full, hostname, short, name, ...aliases].filter((item) => item !== undefined);
  return [...new Set(names)].filter(isHostName);
}

/** What docker compose calls a container: several projects may have a service of the same name. */
export interface ProjectName {
  project: string;
  service: string;
}

/** The labels by which docker compose knows a container again. */
export function composeName(labels: Readonly<Record<string, string>>): ProjectName | undefined {
  const project = labels["com.docker.compose.project"];
  const service = labels["com.docker.compose.service"];
  return project && service && isHostName(service) ? { project, service } : undefined;
}

/** A container's place on the networks it is attached to. */
export interface NetworkMember {
  id: string;
  names: readonly string[];
  /** A name that is good among the containers of one project only. */
  service?: ProjectName | undefined;
  /** The networks whose others it is told of in its hosts file; without it, all of its networks. */
  told?: readonly string[] | undefined;
  /** By the network's name. */
  networks: readonly {
    network: string;
    addresses: readonly string[];
    aliases: readonly string[];
  }[];
}

/**
 * What belongs into the hosts file of the member at each place, in pieces: itself with all its addresses, then everybody else on a
 * network of its, with the addresses there. Names that cannot stand in a hosts file are left out.
 *
 * Who is on the same networks, in the same project, sees the same of the others: that is put together once, and its pieces share
 * it.
 */
export function hostLines(members: readonly NetworkMember[]): (place: number) => Uint8Array[] {
  const views = new Map<string, View>();
  const viewOf = (self: NetworkMember): View => {
    const own = self.told ?? self.networks.map(({ network }) => network);
    const key = JSON.stringify([self.service?.project, own.toSorted()]);
    const view = views.get(key) ?? makeView(members.map((peer) => linesAsSeen(peer, self, own)));
    views.set(key, view);
    return view;
  };
  return (place) => {
    const self = members[place];
    if (self === undefined) return [];
    const { bytes, ends } = viewOf(self);
    const before = bytes.subarray(0, ends[place - 1] ?? 0);
    const pieces = [Buffer.from(linesOfSelf(self)), before, bytes.subarray(ends[place])];
    return pieces.filter(({ length }) => length > 0);
  };
}

/** The lines of all members one after another, and where those of each end. */
interface View {
  bytes: Buffer;
  ends: number[];
}

function makeView(lines: readonly string[]): View {
  let end = 0;
  // Names and addresses are ASCII.
  return {
    bytes: Buffer.from(lines.join(""), "latin1"),
    ends: lines.map((text) => (end += text.length)),
  };
}

function linesOfSelf(self: NetworkMember): string {
  const addresses = self.networks.flatMap((network) => network.addresses);
  const aliases = self.networks.flatMap((network) => network.aliases);
  return linesFor(addresses, [...namesAsSeen(self, self), ...aliases]);
}

/** The lines of `peer` for who is on the networks `own` and in the project of `self`. */
function linesAsSeen(peer: NetworkMember, self: NetworkMember, own: readonly string[]): string {
  const names = namesAsSeen(peer, self);
  return peer.networks
    .filter(({ network }) => own.includes(network))
    .map(({ addresses, aliases }) => linesFor(addresses, [...names, ...aliases]))
    .join("");
}

function namesAsSeen({ names, service }: NetworkMember, self: NetworkMember): readonly string[] {
  return service !== undefined && service.project === self.service?.project
    ? [...names, service.service]
    : names;
}

function linesFor(addresses: readonly string[], names: readonly string[]): string {
  const valid = [...new Set(names)].filter(isHostName);
  return valid.length === 0
    ? ""
    : addresses.map((address) => `${address}\t${valid.join(" ")}\n`).join("");
}
