import type { JsonObject } from "../lib/fields.ts";
import { FABRIC_DRIVERS } from "./fabric-drivers.ts";

/** What the plugins of a network are made of. */
export interface DriverInput {
  type: string;
  parent: string | undefined;
  internal: boolean;
  mtu: number | undefined;
  ipam: JsonObject | undefined;
}

/** A way to make networks. */
export interface Driver {
  plugins: (input: DriverInput) => JsonObject[];
  /** What `--parent` is: the bridge's own name; an interface that has to be there, else the uplink; or nothing. */
  parent: "bridge" | "uplink" | "interface" | "optional" | "none";
  /** Whether a subnet is chosen where none is given; `needed`: it is the parent's, and nobody can choose it. */
  subnet: "chosen" | "needed" | "optional";
  /** What to do where a subnet that is needed is not given; without it what holds for the parent's. */
  subnetHint?: string;
  /** Whether the MTU is the uplink's unless told, has to be told, or cannot be. */
  mtu: "uplink" | "told" | "none";
  internal: boolean;
}

/** The drivers with a way of their own; any other plugin is taken as it is. */
export function driverOf(type: string): Driver {
  if (Object.hasOwn(FABRIC_DRIVERS, type)) return FABRIC_DRIVERS[type] ?? ANY;
  return Object.hasOwn(DRIVERS, type) ? (DRIVERS[type] ?? ANY) : ANY;
}

const DRIVERS: Readonly<Record<string, Driver>> = {
  bridge: {
    plugins: ({ parent: bridge, internal, mtu, ipam }) => [
      {
        type: "bridge",
        bridge,
        isGateway: !internal,
        ipMasq: !internal,
        hairpinMode: true,
        ...(mtu !== undefined && { mtu }),
        capabilities: { ips: true, mac: true },
        ...(ipam && { ipam }),
      },
      ...(internal ? [] : [PORTMAP]),
      FIREWALL,
    ],
    parent: "bridge",
    subnet: "chosen",
    mtu: "uplink",
    internal: true,
  },
  macvlan: {
    plugins: ({ parent: master, mtu, ipam }) => [
      {
        type: "macvlan",
        master,
        mode: "bridge",
        ...(mtu !== undefined && { mtu }),
        capabilities: { ips: true, mac: true },
        ...(ipam && { ipam }),
      },
    ],
    parent: "uplink",
    subnet: "needed",
    mtu: "told",
    internal: true,
  },
  vlan: {
    plugins: ({ parent: master, mtu, ipam }) => [
      { type: "vlan", master, ...(mtu !== undefined && { mtu }), ...(ipam && { ipam }) },
    ],
    parent: "uplink",
    subnet: "needed",
    mtu: "told",
    internal: true,
  },
  ptp: {
    plugins: ({ mtu, ipam }) => [
      {
        type: "ptp",
        ipMasq: true,
        ...(mtu !== undefined && { mtu }),
        capabilities: { ips: true },
        ...(ipam && { ipam }),
      },
      PORTMAP,
      FIREWALL,
    ],
    parent: "none",
    subnet: "chosen",
    mtu: "uplink",
    internal: false,
  },
  "host-device": {
    plugins: ({ parent: device, ipam }) => [
      { type: "host-device", device, ...(ipam && { capabilities: { ips: true }, ipam }) },
    ],
    parent: "interface",
    subnet: "optional",
    mtu: "none",
    internal: true,
  },
};

const ANY: Driver = {
  plugins: ({ type, parent: master, mtu, ipam }) => [
    {
      type,
      ...(master !== undefined && { master }),
      ...(mtu !== undefined && { mtu }),
      ...(ipam && { ipam }),
    },
  ],
  parent: "optional",
  subnet: "optional",
  mtu: "told",
  internal: true,
};

const PORTMAP = { type: "portmap", capabilities: { portMappings: true } };
const FIREWALL = { type: "firewall" };
