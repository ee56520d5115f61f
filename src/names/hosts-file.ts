import { isHostName } from "./host-name.ts";

const BEGIN = "# docker-cni: from here on kept by docker-cni";
const END = "# docker-cni: up to here";
const MARK = "# docker-cni: ";

/**
 * `text` of a hosts file with docker-cni's own lines, each ended by a newline, between two marker comments at its end;
 * everything else stays as it is. Without lines the markers go too. Twice is the same as once.
 */
export function withOwnLines(text: string, lines: string): string {
  const rest = withoutOwnLines(text);
  if (lines === "") return rest;
  const front = rest === "" || rest.endsWith("\n") ? rest : `${rest}\n`;
  return `${front}${BEGIN}\n${lines}${END}\n`;
}

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
  /** By the network's name. */
  networks: readonly {
    network: string;
    addresses: readonly string[];
    aliases: readonly string[];
  }[];
}

/**
 * What belongs into the hosts file of the member at each place: itself with all its addresses, then everybody else on a
 * network of its, with the addresses there. Names that cannot stand in a hosts file are left out.
 *
 * Who is on the same networks, in the same project, sees the same of the others: that is put together once.
 */
export function hostLines(members: readonly NetworkMember[]): (place: number) => string {
  const views = new Map<string, string[]>();
  const viewOf = (self: NetworkMember): string[] => {
    const own = self.networks.map(({ network }) => network);
    const key = JSON.stringify([self.service?.project, own.toSorted()]);
    const view = views.get(key) ?? members.map((peer) => linesAsSeen(peer, self, own));
    views.set(key, view);
    return view;
  };
  return (place) => {
    const self = members[place];
    if (self === undefined) return "";
    const others = viewOf(self).toSpliced(place, 1);
    return [linesOfSelf(self), ...others].join("");
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

/**
 * A begin without its end (a file cut short) loses the marker and nothing else. A container writes what it likes here: only the
 * places where a marker may be are looked at, each once.
 */
function withoutOwnLines(text: string): string {
  const kept: string[] = [];
  let from = 0;
  // Where the lines begin in `kept` that an END would end.
  let begin: number | undefined;
  for (let at = text.indexOf(MARK); at !== -1; at = text.indexOf(MARK, at + 1)) {
    const marker = [BEGIN, END].find((each) => isLineAt(text, at, each));
    if (marker === undefined) continue;
    kept.push(text.slice(from, at));
    from = at + marker.length + 1;
    if (marker === BEGIN) {
      begin = kept.length;
    } else {
      if (begin !== undefined) kept.length = begin;
      begin = undefined;
    }
  }
  if (from <= text.length) return [...kept, text.slice(from)].join("");
  const front = kept.join("");
  return front.endsWith("\n") ? front.slice(0, -1) : front;
}

function isLineAt(text: string, at: number, line: string): boolean {
  const end = at + line.length;
  const isWhole = end === text.length || text[end] === "\n";
  return isWhole && (at === 0 || text[at - 1] === "\n") && text.startsWith(line, at);
}
