import type { ContainerFacts, NetworkFacts } from "../../src/graph/model.ts";
import { graphOf, type Graph } from "../../src/graph/model.ts";

/** A name that would break out of a page, a string, a line or a terminal. */
export const HOSTILE = `</script><b><img src=x onerror="document.title='pwned'">]]>"}) | \\"\n\u001B[31m\u202E\uD800`;

const NETWORKS: NetworkFacts[] = [
  {
    name: "lan",
    plugins: ["bridge", "portmap", "firewall"],
    subnets: ["10.9.0.0/16", "fd00:9::/64"],
    hostInterfaces: [{ name: "br0", role: "bridge" }],
  },
  {
    name: "backend",
    plugins: ["bridge"],
    subnets: ["10.8.0.0/16"],
    hostInterfaces: [{ name: "br1", role: "bridge" }],
  },
  {
    name: "office",
    plugins: ["macvlan"],
    subnets: ["192.168.7.0/24"],
    hostInterfaces: [{ name: "eth0", role: "macvlan" }],
  },
];

/** The graph of a host with `count` containers, some of them stopped, on several networks, with ports. */
export function graphWith(count: number, name = (index: number) => `web-${index}`): Graph {
  const containers = Array.from({ length: count }, (_, index) => container(index, name(index)));
  return graphOf({ name: "host-1", addresses: ["192.0.2.7/24"] }, NETWORKS, containers);
}

function container(index: number, name: string): ContainerFacts {
  const at = (network: string, ifName: string, prefix: string) => ({
    network,
    ifName,
    addresses: [`${prefix}.${Math.floor(index / 250)}.${(index % 250) + 2}/16`],
    mac: "02:00:00:00:00:01",
    ports: index % 5 === 0 ? [`${8000 + index}->80/tcp`] : [],
  });
  const home = index % 3 === 1 ? at("backend", "eth0", "10.8") : at("lan", "eth0", "10.9");
  const both =
    index % 10 === 2 ? [at("lan", "eth0", "10.9"), at("backend", "eth1", "10.8")] : [home];
  return {
    id: index.toString(16).padStart(64, "0"),
    name,
    state: index % 7 === 4 ? "kept" : "running",
    createdAt: "2026-01-01T00:00:00Z",
    attachments: index % 11 === 7 ? [at("office", "eth0", "192.168")] : both,
  };
}
