import { existsSync } from "node:fs";
import { join } from "node:path";

/** A way to join the containers of several hosts. */
export interface Fabric {
  /** The page of docs/networks that sets it up. */
  page: string;
  /** Which of the page's variants; undefined where it has none. */
  variant?: string;
  packages: readonly string[];
  /** The network of containers on any host. */
  network: string;
  /** A network whose addresses move from host to host. */
  moving?: { network: string; address: string };
  /** The largest packet between containers, in bytes. */
  mtu: number;
}

export const FABRICS: Readonly<Record<string, Fabric>> = {
  bird: {
    page: "routed.md",
    variant: "bird",
    packages: ["bird2"],
    network: "routed",
    moving: { network: "moving", address: "10.78.0.77" },
    mtu: 1500,
  },
  frr: {
    page: "routed.md",
    variant: "frr",
    packages: ["frr"],
    network: "routed",
    moving: { network: "moving", address: "10.78.0.77" },
    mtu: 1500,
  },
  "frr-evpn": {
    page: "evpn.md",
    packages: ["frr"],
    network: "everywhere",
    moving: { network: "moving", address: "10.79.255.77" },
    mtu: 1450,
  },
};

/** Fabrics whose programs are in no package: what is missing of them in HOSTS_BIN, by name. */
export const OUTSIDE_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  flannel: ["flannel", "flanneld"],
  calico: ["calico", "calico-ipam"],
};

/** Why a fabric is left out; undefined where it can be tried. */
export function whySkipped(name: string, folder = process.env["HOSTS_BIN"]): string | undefined {
  if (Object.hasOwn(FABRICS, name)) return undefined;
  const needed = OUTSIDE_PACKAGES[name];
  if (needed === undefined) return "the laboratory has no such fabric yet";
  if (folder === undefined) return `set HOSTS_BIN to a folder with ${needed.join(", ")}`;
  const missing = needed.filter((file) => !existsSync(join(folder, file)));
  return missing.length > 0
    ? `${folder} has no ${missing.join(", ")}`
    : "the laboratory sets it up by hand only: see docs/networks";
}
