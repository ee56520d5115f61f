import { rangeOf } from "../lib/ip-range.ts";
import { fromNumber, isUnspecified } from "../lib/ip.ts";
import type { Given } from "./addresses.ts";
import type { Publication } from "./conf.ts";

/** The table that holds what docker-cni-bridge translates, of all of its networks. */
export const TABLE = "inet docker-cni";

/** The table with its chains, empty sets and maps; as often as one likes, what is in the sets stays. */
const FRAME = `add table ${TABLE}
add set ${TABLE} masq4 { type ipv4_addr; flags interval; }
add set ${TABLE} masq6 { type ipv6_addr; flags interval; }
add set ${TABLE} same4 { type ipv4_addr . ipv4_addr; flags interval; }
add set ${TABLE} same6 { type ipv6_addr . ipv6_addr; flags interval; }
add map ${TABLE} ports4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
add map ${TABLE} ports6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
add map ${TABLE} at4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
add map ${TABLE} at6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
add chain ${TABLE} published
add chain ${TABLE} prerouting { type nat hook prerouting priority -100; }
add chain ${TABLE} output { type nat hook output priority -100; }
add chain ${TABLE} postrouting { type nat hook postrouting priority 100; }
flush chain ${TABLE} published
flush chain ${TABLE} prerouting
flush chain ${TABLE} output
flush chain ${TABLE} postrouting
add rule ${TABLE} published dnat ip to ip daddr . meta l4proto . th dport map @at4
add rule ${TABLE} published dnat ip to meta l4proto . th dport map @ports4
add rule ${TABLE} published dnat ip6 to ip6 daddr . meta l4proto . th dport map @at6
add rule ${TABLE} published dnat ip6 to meta l4proto . th dport map @ports6
add rule ${TABLE} prerouting meta l4proto { tcp, udp, sctp } fib daddr type local jump published
add rule ${TABLE} output meta l4proto { tcp, udp, sctp } fib daddr type local ip6 daddr != ::1 jump published
add rule ${TABLE} output meta nfproto ipv4 meta l4proto { tcp, udp, sctp } fib daddr type local jump published
add rule ${TABLE} postrouting ct status dnat ip saddr 127.0.0.0/8 masquerade
add rule ${TABLE} postrouting ct status dnat ip saddr . ip daddr @same4 masquerade
add rule ${TABLE} postrouting ct status dnat ip6 saddr . ip6 daddr @same6 masquerade
add rule ${TABLE} postrouting ip saddr . ip daddr @same4 accept
add rule ${TABLE} postrouting ip6 saddr . ip6 daddr @same6 accept
add rule ${TABLE} postrouting ip saddr @masq4 ip daddr != 224.0.0.0/4 masquerade
add rule ${TABLE} postrouting ip6 saddr @masq6 ip6 daddr != ff00::/8 masquerade
`;

/** What a network needs once: the table, and its subnets in the sets (nft(8)). */
export function networkScript(given: readonly Given[], ipMasq: boolean): string {
  const lines = given.flatMap(({ address, prefix }) => {
    const range = rangeOf(`${address.text}/${prefix}`);
    if (range === undefined) return [];
    const subnet = `${fromNumber(address.family, range.first).text}/${prefix}`;
    const own = `add element ${TABLE} same${address.family} { ${subnet} . ${subnet} }`;
    return ipMasq ? [own, `add element ${TABLE} masq${address.family} { ${subnet} }`] : [own];
  });
  return `${FRAME}${lines.join("\n")}\n`;
}

/** An element of a map: which one, its key, and where it leads. */
export interface Element {
  map: string;
  key: string;
  target: string;
}

/** The published ports as elements: of each family that the container has an address of. */
export function elementsOf(ports: readonly Publication[], given: readonly Given[]): Element[] {
  return ports.flatMap(({ protocol, hostPort, containerPort, hostIp }) =>
    ([4, 6] as const).flatMap((family) => {
      const inside = given.find(({ address }) => address.family === family)?.address.text;
      if (inside === undefined || (hostIp && hostIp.family !== family)) return [];
      const isAny = hostIp === undefined || isUnspecified(hostIp);
      const port = `${protocol} . ${hostPort}`;
      const key = isAny ? port : `${hostIp.text} . ${port}`;
      const map = `${isAny ? "ports" : "at"}${family}`;
      return [{ map, key, target: `${inside} . ${containerPort}` }];
    }),
  );
}

/** Adds elements; nft refuses all of them when one leads elsewhere already. */
export function addElements(elements: readonly Element[]): string {
  return elements
    .map(({ map, key, target }) => `add element ${TABLE} ${map} { ${key} : ${target} }\n`)
    .join("");
}

/** Removes elements that lead to this container; refused where one leads to another. What is gone already is no error. */
export function removeElements(elements: readonly Element[]): string {
  const removals = elements.map(({ map, key }) => `delete element ${TABLE} ${map} { ${key} }\n`);
  return addElements(elements) + removals.join("");
}
