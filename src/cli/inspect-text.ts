import { wrap } from "../lib/wrap.ts";
import { shortId } from "../lib/short-id.ts";
import { formatPort } from "./container-json.ts";
import type { Inspected, InspectedNetwork } from "./inspect.ts";
import { formatAge, NOTHING, table } from "./table.ts";
import type { Unattached } from "./unattached.ts";

/** What `inspect` prints: a line for each thing that is known, then the interfaces and routes of the namespace. */
export function describeContainer(inspected: Inspected): string[] {
  const { id, name, state, keep, createdAt, failure, networks, namespace, record } = inspected;
  const age = formatAge(Date.now() - Date.parse(createdAt));
  return [
    ...lines("", [
      ["Container", name ?? "(no name)"],
      ["Id", id],
      ["State", `${state}, ${keep ? "kept after a stop" : "not kept after a stop"}`],
      ["Created", `${createdAt} (${age} ago)`],
      ["Namespace", `${namespace.path}${namespace.alive ? "" : " (not there)"}`],
      ["Record", record.path],
      ["Failure", failure && `${failure.error} (${failure.attempts} times)`],
      ...inspected.notes.map((note): [string, string] => ["Note", note]),
    ]),
    ...networks.flatMap(describeNetwork),
    "",
    ...(namespace.alive ? describeNamespace(namespace) : ["In the namespace: nothing"]),
  ];
}

/** What `inspect` prints of a container without a CNI network. */
export function describeUnattached({ name, id, reason, notes, directory }: Unattached): string[] {
  return lines("", [
    ["Container", name ?? "(no name)"],
    ["Id", id],
    ["Network", `no CNI network: ${reason}`],
    ...notes.map((note): [string, string] => ["Note", note]),
    ["Folder", directory],
  ]);
}

function describeNetwork(network: InspectedNetwork): string[] {
  const { dns } = network;
  return [
    "",
    ...lines("", [["Network", network.network]]),
    ...lines("  ", [
      ["Interface", network.interface],
      ["Addresses", network.addresses.join(", ") || "(none)"],
      ["MAC", network.mac ?? "(not told)"],
      ["Gateway", network.gateways.join(", ")],
      ["Routes", network.routes.map(formatRoute).join(", ")],
      ["Ports", network.ports.map(formatPort).join(", ")],
      ["DNS", dns.nameservers?.join(", ")],
      ["Search", [dns.domain ?? "", ...(dns.search ?? [])].filter(Boolean).join(", ")],
      ["Peers", describePeers(network.peers)],
      ["Plugins", network.plugins.join(", ")],
      ...network.interfaces.map((told): [string, string] => ["Told of", describeInterface(told)]),
    ]),
  ];
}

const MOST_PEERS = 8;

function describePeers(peers: InspectedNetwork["peers"]): string {
  const named = peers.slice(0, MOST_PEERS).map(({ id, name, addresses }) => {
    const all = addresses.map((address) => address.replace(/\/.*/, "")).join(", ");
    return `${name ?? shortId(id)} (${all})`;
  });
  const more = peers.length - named.length;
  return [...named, ...(more > 0 ? [`${more} more`] : [])].join(", ");
}

/** An interface of a result with all that its plugin says of it, such as its MTU, PCI address or socket. */
function describeInterface({ name, sandbox, ...facts }: Record<string, unknown>): string {
  const words = Object.entries(facts).map(([key, value]) => `${key} ${textOf(value)}`);
  return [`${textOf(name)} ${sandbox ? "(inside)" : "(on the host)"}`, ...words].join(", ");
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function describeNamespace(namespace: Inspected["namespace"]): string[] {
  const { interfaces, routes, neighbours } = namespace;
  const rows = interfaces.map((each) => [
    each.name,
    each.up ? "up" : "down",
    String(each.mtu ?? NOTHING),
    each.mac ?? NOTHING,
    each.addresses.join(", ") || NOTHING,
  ]);
  const ways = routes.map((route) => [
    route.dst,
    route.gateway ?? NOTHING,
    route.interface ?? NOTHING,
    route.table,
  ]);
  const counters = interfaces.flatMap(({ name, counters: of }) =>
    of === null
      ? []
      : (["receive", "transmit"] as const).map((direction) => {
          const { bytes, packets, drops, errors } = of[direction];
          return [name, direction].concat([bytes, packets, drops, errors].map(String));
        }),
  );
  const known = neighbours.map((each) => [
    each.address,
    each.mac ?? NOTHING,
    each.interface,
    each.state,
  ]);
  return [
    "In the namespace:",
    ...indented(table([["INTERFACE", "STATE", "MTU", "MAC", "ADDRESSES"], ...rows])),
    ...section(["ROUTE", "GATEWAY", "INTERFACE", "TABLE"], ways),
    ...section(["NEIGHBOUR", "MAC", "INTERFACE", "STATE"], known),
    ...section(["COUNTER", "DIRECTION", "BYTES", "PACKETS", "DROPS", "ERRORS"], counters),
  ];
}

/** A table below the others; none where there are no rows. */
function section(heading: string[], rows: string[][]): string[] {
  return rows.length === 0 ? [] : ["", ...indented(table([heading, ...rows]))];
}

function formatRoute({ dst, gateway }: InspectedNetwork["routes"][number]): string {
  return gateway === null ? dst : `${dst} via ${gateway}`;
}

/** `Key: value` lines of 80 columns with the values below each other; those without a value are left out. */
function lines(indent: string, entries: [key: string, value: string | undefined][]): string[] {
  return entries.flatMap(([key, value]) =>
    wrap(value ?? "", COLUMNS - WIDTH)
      .filter((line) => line !== "")
      .map((line, place) => (place === 0 ? `${indent}${key}:` : "").padEnd(WIDTH) + line),
  );
}

const COLUMNS = 80;
const WIDTH = 14;

function indented(rows: readonly string[]): string[] {
  return rows.map((row) => `  ${row}`);
}
