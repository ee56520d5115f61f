import { createHash } from "node:crypto";
import { isIPv4, isIPv6 } from "node:net";
import { isHostName } from "./host-name.ts";
import type { NetworkMember } from "./hosts-file.ts";

/** A container's place on its networks, and at which addresses it asks the name server, by network. */
export interface ServedMember extends NetworkMember {
  dns: Readonly<Record<string, readonly string[]>>;
}

/**
 * The files of aardvark-dns, by their names in its folder. Each tells of one network: first the addresses to listen at, then a line
 * for each container on it, `ID IPV4,… IPV6,… NAME,…`. Who asks is told what the files say that have its own address.
 *
 * A service's name is good in its project alone: each project has a further file. The gateway has a line too, so that
 * the host may ask. The names of files have a `~`, which no network's name may have: `aardvark.pid` stays the server's.
 */
export function serverFiles(members: readonly ServedMember[]): Map<string, string> {
  const files = new Map<string, string>();
  for (const network of new Set(members.flatMap(({ dns }) => Object.keys(dns)))) {
    const listen = [...new Set(members.flatMap(({ dns }) => dns[network] ?? []))].toSorted();
    const on = members.filter(({ networks }) => networks.some((each) => each.network === network));
    const lines = on.flatMap((member) => lineFor(member, network, namesOn(member, network)));
    const gateway = lineOf("gateway", listen, [`gateway.${network}`]);
    files.set(`${network}~`, textOf(listen, [...gateway, ...lines]));
    const projects = new Set(on.flatMap(({ service }) => service?.project ?? []));
    for (const project of projects) {
      const services = on.flatMap((member) => {
        if (member.service?.project !== project) return [];
        const name = member.service.service;
        return lineFor(member, network, [name, `${name}.${network}`]);
      });
      const hash = createHash("sha256").update(project).digest("hex").slice(0, 12);
      files.set(`${network}~${hash}`, textOf(listen, services));
    }
  }
  return files;
}

function textOf(listen: readonly string[], lines: readonly string[]): string {
  return [listen.join(","), ...lines].map((line) => `${line}\n`).join("");
}

/** Short ones, and those that say where. */
function namesOn({ id, names, networks }: ServedMember, network: string): string[] {
  const aliases = networks
    .filter((each) => each.network === network)
    .flatMap((each) => each.aliases);
  const all = [...names, ...aliases].filter(isHostName);
  // Without a line of its own a container is told nothing.
  const known = all.length > 0 ? all : [`c-${id.slice(0, 12)}`];
  return [...known, ...known.map((name) => `${name}.${network}`)];
}

function lineFor(
  { id, networks }: ServedMember,
  network: string,
  names: readonly string[],
): string[] {
  const addresses = networks
    .filter((each) => each.network === network)
    .flatMap((each) => each.addresses);
  return lineOf(id, addresses, names);
}

function lineOf(id: string, addresses: readonly string[], names: readonly string[]): string[] {
  const valid = [...new Set(names)].filter(isHostName);
  const [four, six] = [
    addresses.filter((each) => isIPv4(each)),
    addresses.filter((each) => isIPv6(each)),
  ];
  if (four.length + six.length === 0 || valid.length === 0) return [];
  return [`${id} ${four.join(",")} ${six.join(",")} ${valid.join(",")}`];
}
