import { isHostName } from "./values.ts";

/** One container as others on its networks see it. */
export interface HostEntry {
  /** Without a prefix length. */
  addresses: readonly string[];
  names: readonly string[];
}

const BEGIN = "# docker-cni: from here on kept by docker-cni";
const END = "# docker-cni: up to here";

/**
 * `text` of a hosts file with docker-cni's own lines between two marker comments at its end; everything else stays as
 * it is. Without entries the markers go too. Twice is the same as once.
 */
export function withHostEntries(text: string, entries: readonly HostEntry[]): string {
  const rest = withoutOwnLines(text);
  const lines = entries.flatMap(({ addresses, names }) => {
    const valid = [...new Set(names)].filter(isHostName);
    return valid.length === 0 ? [] : addresses.map((address) => `${address}\t${valid.join(" ")}`);
  });
  if (lines.length === 0) return rest;
  const front = rest === "" || rest.endsWith("\n") ? rest : `${rest}\n`;
  return `${front}${[BEGIN, ...new Set(lines), END].join("\n")}\n`;
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
 * What belongs into the hosts file of `self`: itself with all its addresses, then everybody else on a network of its,
 * with the addresses there. The order is that of `others`.
 */
export function hostEntriesFor(self: NetworkMember, others: readonly NetworkMember[]): HostEntry[] {
  const own = new Set(self.networks.map(({ network }) => network));
  const namesFor = ({ names, service }: NetworkMember): readonly string[] =>
    service !== undefined && service.project === self.service?.project
      ? [...names, service.service]
      : names;
  const selfEntry = {
    addresses: self.networks.flatMap(({ addresses }) => addresses),
    names: [...namesFor(self), ...self.networks.flatMap(({ aliases }) => aliases)],
  };
  const peers = others
    .filter(({ id }) => id !== self.id)
    .flatMap((peer) =>
      peer.networks
        .filter(({ network }) => own.has(network))
        .map(({ addresses, aliases }) => ({ addresses, names: [...namesFor(peer), ...aliases] })),
    );
  return [selfEntry, ...peers];
}

/** A begin without its end (a file cut short) loses the marker and nothing else. */
function withoutOwnLines(text: string): string {
  const lines = text.split("\n");
  const kept: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    if (line === END) continue;
    if (line !== BEGIN) {
      kept.push(line);
      continue;
    }
    const end = lines.indexOf(END, at);
    const next = lines.indexOf(BEGIN, at + 1);
    if (end > at && (next < 0 || next > end)) at = end;
  }
  return kept.join("\n");
}
