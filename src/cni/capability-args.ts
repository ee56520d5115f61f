/** A published port (CONVENTIONS.md, `portMappings`). */
export interface PortMapping {
  hostPort: number;
  containerPort: number;
  /** `tcp`, `udp` or `sctp`; plugins take `tcp` without it. */
  protocol?: string;
  hostIP?: string;
}

/** Limits of a container's traffic: rates in bits a second, bursts in bits (CONVENTIONS.md, `bandwidth`). */
export interface Bandwidth {
  ingressRate?: number;
  ingressBurst?: number;
  egressRate?: number;
  egressBurst?: number;
}

/** A range of addresses for IPAM (CONVENTIONS.md, `ipRanges`). */
export interface IpRange {
  subnet: string;
  rangeStart?: string;
  rangeEnd?: string;
  gateway?: string;
}

/** Arguments by capability: the well-known ones of CNI's CONVENTIONS.md, and any other that a plugin declares. */
export interface CapabilityArgs {
  portMappings?: readonly PortMapping[];
  /** A list of address families, each a list of ranges. */
  ipRanges?: readonly (readonly IpRange[])[];
  bandwidth?: Bandwidth;
  dns?: { searches?: readonly string[]; servers?: readonly string[]; options?: readonly string[] };
  /** `address` or `address/length` each. */
  ips?: readonly string[];
  mac?: string;
  infinibandGUID?: string;
  deviceID?: string;
  aliases?: readonly string[];
  cgroupPath?: string;
  [capability: string]: unknown;
}
