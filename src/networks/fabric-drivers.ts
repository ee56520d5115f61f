import type { Driver } from "./drivers.ts";

/** The drivers of networks that lead over several hosts: docs/networks tells what has to be there on the hosts. */
export const FABRIC_DRIVERS: Readonly<Record<string, Driver>> = {
  /** Each container has a route on its host, and a daemon of BGP tells the others. */
  routed: {
    plugins: ({ mtu, ipam }) => [
      {
        type: "ptp",
        ipMasq: false,
        ...(mtu !== undefined && { mtu }),
        capabilities: { ips: true },
        ...(ipam && { ipam }),
      },
      PORTMAP,
      { type: "firewall" },
    ],
    parent: "none",
    subnet: "needed",
    subnetHint: "give this host's part of the pool, such as --subnet 10.77.1.0/24",
    mtu: "uplink",
    internal: false,
  },
  /** One subnet over all hosts: a bridge with a port of VXLAN, which is there already. */
  evpn: {
    plugins: ({ parent: bridge, internal, mtu = ETHERNET_MTU - VXLAN_HEADERS, ipam }) => [
      {
        type: "bridge",
        bridge,
        isGateway: !internal,
        ipMasq: false,
        hairpinMode: true,
        mtu,
        capabilities: { ips: true, mac: true },
        ...(ipam && { ipam }),
      },
      ...(internal ? [] : [PORTMAP]),
      { type: "firewall" },
    ],
    parent: "interface",
    subnet: "needed",
    subnetHint:
      "give the one of all hosts, with this host's --gateway and --ip-range, such as --subnet 10.79.0.0/16 --gateway 10.79.0.1 --ip-range 10.79.1.0/24",
    mtu: "told",
    internal: true,
  },
  /** flanneld writes the subnet of this host into a file, of which the plugin makes a bridge. */
  flannel: {
    plugins: ({ mtu }) => [
      {
        type: "flannel",
        delegate: {
          hairpinMode: true,
          isDefaultGateway: true,
          capabilities: { ips: true, mac: true },
          ...(mtu !== undefined && { mtu }),
        },
      },
      PORTMAP,
      { type: "firewall" },
    ],
    parent: "none",
    subnet: "optional",
    mtu: "told",
    internal: false,
  },
  /** Addresses of the pools in etcd, routes by Calico's own BIRD. */
  calico: {
    plugins: ({ mtu }) => [
      {
        type: "calico",
        datastore_type: "etcdv3",
        log_level: "warning",
        ...(mtu !== undefined && { mtu }),
        ipam: { type: "calico-ipam" },
      },
      PORTMAP,
    ],
    parent: "none",
    subnet: "optional",
    mtu: "told",
    internal: false,
  },
};

const ETHERNET_MTU = 1500;
/** The outer headers of a packet over IPv4 (RFC 7348): 14 of Ethernet, 20, 8 and 8. */
const VXLAN_HEADERS = 50;
/** Who comes from another host is answered by the way it came. */
const PORTMAP = { type: "portmap", snat: true, capabilities: { portMappings: true } };
