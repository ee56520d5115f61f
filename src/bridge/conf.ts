import { CniError, errorCodes } from "../cni/index.ts";
import type { CmdArgs } from "../cni/plugin/index.ts";
import { parseIpWithPrefix, type IpAddress } from "../lib/ip.ts";

/** A published port, checked. */
export interface Publication {
  protocol: "tcp" | "udp" | "sctp";
  hostPort: number;
  containerPort: number;
  /** Undefined: each address of the host. */
  hostIp: IpAddress | undefined;
}

/** The plugin's keys with every default in its place. */
export interface BridgeConf {
  network: string;
  bridge: string;
  isGateway: boolean;
  isDefaultGateway: boolean;
  ipMasq: boolean;
  hairpin: boolean;
  /** Containers of the network do not reach each other. */
  isolated: boolean;
  /** Undefined: that of the uplink. */
  mtu: number | undefined;
  mac: string | undefined;
  ports: Publication[];
}

/** Reads the configuration; throws a CniError of code 7 that names the key. */
export function readBridgeConf({ config }: Pick<CmdArgs, "config">): BridgeConf {
  const bridge = config["bridge"] ?? "cni0";
  if (typeof bridge !== "string" || !/^[A-Za-z0-9][\w.-]{0,14}$/.test(bridge)) {
    throw bad("bridge", "the name of an interface, at most 15 letters, digits, _ . -");
  }
  const flag = (key: string): boolean => {
    const value = config[key] ?? false;
    if (typeof value === "boolean") return value;
    throw bad(key, "true or false");
  };
  const { mtu = 0 } = config;
  if (typeof mtu !== "number" || !Number.isInteger(mtu) || mtu < 0 || mtu > 65_535) {
    throw bad("mtu", "a whole number up to 65535");
  }
  const mac = config.runtimeConfig?.["mac"] ?? config["mac"];
  if (
    mac !== undefined &&
    (typeof mac !== "string" || !/^([\da-f]{2}:){5}[\da-f]{2}$/i.test(mac))
  ) {
    throw bad("mac", "a MAC address as 02:00:00:00:00:01");
  }
  const isDefaultGateway = flag("isDefaultGateway");
  return {
    network: config.name,
    bridge,
    isGateway: flag("isGateway") || isDefaultGateway,
    isDefaultGateway,
    ipMasq: flag("ipMasq"),
    hairpin: flag("hairpinMode"),
    isolated: flag("isolated"),
    mtu: mtu === 0 ? undefined : mtu,
    mac,
    ports: readPorts(config.runtimeConfig?.["portMappings"]),
  };
}

function readPorts(value: unknown): Publication[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw bad("portMappings", "a list");
  return value.map((entry: unknown) => {
    const fields: Record<string, unknown> = { ...Object(entry) };
    const { hostPort, containerPort, protocol = "tcp", hostIP = "" } = fields;
    const host = isPort(hostPort) ? hostPort : undefined;
    const inside = isPort(containerPort) ? containerPort : undefined;
    const name = String(protocol).toLowerCase();
    const hostIp = typeof hostIP === "string" ? parseIpWithPrefix(hostIP) : undefined;
    const isKnown = name === "tcp" || name === "udp" || name === "sctp";
    if (host === undefined || inside === undefined || !isKnown || (hostIP !== "" && !hostIp)) {
      throw bad(
        "portMappings",
        `hostPort, containerPort, protocol, hostIP, not ${JSON.stringify(entry)}`,
      );
    }
    return { protocol: name, hostPort: host, containerPort: inside, hostIp };
  });
}

function isPort(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0 && value < 65_536;
}

function bad(key: string, wanted: string): CniError {
  const msg = `docker-cni-bridge: ${JSON.stringify(key)} has to be ${wanted}`;
  return new CniError({ kind: "invalid", code: errorCodes.invalidNetworkConfig, msg });
}
