import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { NetworkList } from "../cni/index.ts";
import { ifThere } from "../lib/errors.ts";
import { isJsonObject } from "../lib/fields.ts";
import { ipJson, output } from "./ip-json.ts";

/** Where host-local keeps leases unless it is told otherwise. */
const LEASES_DIR = "/var/lib/cni/networks";
const NETNS_DIR = "/run/netns";

/** What there is on the host at one moment, a line each, such as `link veth1234`. */
export interface Traces {
  /** Interfaces and their kinds (`veth`, `bridge`, …). */
  links: Map<string, string>;
  /** Addresses, routes, policy rules, filter rules and chains. */
  lines: Set<string>;
}

interface LinkJson {
  ifname: string;
  linkinfo?: { info_kind?: string };
}

interface AddressJson {
  ifname: string;
  addr_info?: { local?: string; prefixlen?: number }[];
}

/** Looks at the host's own network namespace. */
export async function readTraces(): Promise<Traces> {
  const [links, addresses, rules, ...texts] = await Promise.all([
    readLinks(),
    ipJson<AddressJson>(["address", "show"]),
    readFirewall(),
    ...["-4", "-6"].flatMap((family) => [
      output("ip", [family, "route", "show", "table", "all"]),
      output("ip", [family, "rule", "show"]),
    ]),
  ]);
  const lines = [
    ...rules,
    ...addresses.flatMap(({ ifname, addr_info: all = [] }) =>
      all.map(({ local, prefixlen }) => `address ${local}/${prefixlen} on ${ifname}`),
    ),
    ...texts.flatMap((text, place) => linesOf(text, place % 2 === 0 ? "route" : "ip rule")),
  ];
  return {
    links,
    lines: new Set(lines),
  };
}

/** The host's interfaces and their kinds. */
export async function readLinks(): Promise<Map<string, string>> {
  const links = await ipJson<LinkJson>(["-details", "link", "show"]);
  return new Map(links.map(({ ifname, linkinfo }) => [ifname, linkinfo?.info_kind ?? ""]));
}

/** The rules and chains of iptables, ip6tables and nftables, without counters. */
export async function readFirewall(): Promise<string[]> {
  const [four, six, nft] = await Promise.all([
    output("iptables-save", []),
    output("ip6tables-save", []),
    output("nft", ["--stateless", "list", "ruleset"]),
  ]);
  return [...fromIptables(four, "iptables"), ...fromIptables(six, "ip6tables"), ...fromNft(nft)];
}

function fromIptables(text: string, command: string): string[] {
  let table = "";
  return text.split("\n").flatMap((line) => {
    if (line.startsWith("*")) table = line.slice(1);
    if (!/^(:|-A )/.test(line)) return [];
    return `${command} -t ${table} ${line.replace(/ - \[\d+:\d+\]$/, "")}`;
  });
}

/** Without the tables that iptables keeps there itself, which iptables-save tells of. */
function fromNft(text: string): string[] {
  const lines: string[] = [];
  let table = "";
  for (const line of text.split("\n")) {
    if (line.startsWith("table ")) table = line.replace(/ \{$/, "");
    else if (line.trim() !== "" && !/^table ip6? (filter|nat|mangle|raw|security)$/.test(table)) {
      lines.push(`nft ${table}: ${line.trim()}`);
    }
  }
  return lines;
}

function linesOf(text: string, what: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => `${what} ${line}`);
}

/** The names of network namespaces that begin so. */
export function readNetnsNames(prefix: string): string[] {
  return (ifThere(() => readdirSync(NETNS_DIR)) ?? []).filter((name) => name.startsWith(prefix));
}

/** host-local's files of addresses that are leased to containers whose id begins so. */
export function readLeases({ name, plugins }: NetworkList, prefix: string): string[] {
  const dirs = plugins.flatMap(({ ipam }) => {
    if (!isJsonObject(ipam) || ipam["type"] !== "host-local") return [];
    const { dataDir } = ipam;
    return join(typeof dataDir === "string" && dataDir !== "" ? dataDir : LEASES_DIR, name);
  });
  return [...new Set(dirs)].flatMap((dir) =>
    (ifThere(() => readdirSync(dir)) ?? [])
      .filter((file) => /^[0-9a-f.:]+$/i.test(file))
      .map((file) => join(dir, file))
      .filter((file) => (ifThere(() => readFileSync(file, "utf8")) ?? "").startsWith(prefix)),
  );
}
