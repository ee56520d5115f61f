import { execFile } from "node:child_process";
import { statfsSync } from "node:fs";
import { errnoOf } from "../errors.ts";
import { runCommand } from "../process.ts";
import { addNetns } from "./add.ts";
import { ip } from "./command.ts";
import { unmountNetns } from "./native.ts";
import { endClosingConnections } from "./sockets.ts";

/** Named network namespaces, as `ip netns` keeps them: bind mounts below /run/netns. */
export interface NetnsManager {
  /** Makes the namespace `name` with its loopback interface up; fails with NETNS_FAILED when there is one. */
  add(name: string): Promise<void>;
  /** Gives the network namespace of a process the name `name`. */
  attach(name: string, pid: number): Promise<void>;
  /** What the namespace holds at this moment, in the form of `ip -json`. */
  show(name: string): Promise<{ addresses: unknown; routes: unknown }>;
  /** Brings the loopback interface of `name` up. */
  loopbackUp(name: string): Promise<void>;
  /** Makes `gateway` on the interface `ifName` the default route of its family in `name`. */
  setDefaultRoute(name: string, gateway: string, ifName: string): Promise<void>;
  /** Switches IPv6 on for loopback and an interface in `name`, and gives it addresses and routes that it may have already. */
  restoreIpv6(name: string, settings: Ipv6Settings): Promise<void>;
  /** Ends the TCP connections of processes that are gone. */
  endClosingConnections(name: string): Promise<void>;
  /** Removes `name`; one that is gone is fine. */
  remove(name: string): Promise<void>;
  /** Whether the namespace has an interface of that name. */
  hasLink(name: string, ifName: string): Promise<boolean>;
  /** Removes an interface from the namespace; one that is gone is fine. */
  removeLink(name: string, ifName: string): Promise<void>;
  /** Gives the namespace an interface that carries the addresses ("address/length") and leads nowhere. */
  addStandIn(name: string, ifName: string, addresses: readonly string[]): Promise<void>;
  /** Whether there is anything of that name. */
  exists(name: string): boolean;
  /** Whether `name` is there and a namespace is mounted on it. */
  isAlive(name: string): boolean;
}

export interface Ipv6Settings {
  ifName: string;
  /** `address/length` */
  addresses: readonly string[];
  routes: readonly { dst: string; gateway: string | undefined }[];
}

const NETNS_DIR = "/run/netns";
const MAX_DEFAULT_ROUTES = 32;
const NSFS_MAGIC = 0x6e736673;

/** The path under which plugins and the low-level runtime find the namespace `name`. */
export function netnsPath(name: string): string {
  return `${NETNS_DIR}/${name}`;
}

/** A container's namespace name: the first 12 characters of a 64-hex id, as engines abbreviate it, else the whole id. */
export function netnsName(containerId: string): string {
  return /^[0-9a-f]{64}$/.test(containerId) ? containerId.slice(0, 12) : containerId;
}

/** Network namespaces by the `ip` command. */
export function ipNetns(): NetnsManager {
  return {
    add: (name) => addNetns(netnsPath(name)),
    attach: (name, pid) => ip(["netns", "attach", name, String(pid)]),
    show: async (name) => ({
      addresses: await ipJson(["-n", name, "address", "show"]),
      routes: await ipJson(["-n", name, "route", "show", "table", "all"]),
    }),
    hasLink: async (name, ifName) =>
      (await runCommand("ip", ["-n", name, "link", "show", "dev", ifName])).code === 0,
    async removeLink(name, ifName) {
      await runCommand("ip", ["-n", name, "link", "delete", "dev", ifName]);
    },
    async addStandIn(name, ifName, addresses) {
      await ip(["-n", name, "link", "add", ifName, "type", "veth", "peer", "name", "stand-in"]);
      for (const address of addresses) {
        await ip(["-n", name, "address", "add", address, "dev", ifName]);
      }
    },
    loopbackUp: (name) => ip(["-n", name, "link", "set", "lo", "up"]),
    async setDefaultRoute(name, gateway, ifName) {
      const family = gateway.includes(":") ? "-6" : "-4";
      // A network may have put its own there with a metric: all of them go.
      for (let count = 0; count < MAX_DEFAULT_ROUTES; count++) {
        const { code } = await runCommand("ip", ["-n", name, family, "route", "del", "default"]);
        if (code !== 0) break;
      }
      await ip(["-n", name, family, "route", "add", "default", "via", gateway, "dev", ifName]);
    },
    async restoreIpv6(name, { ifName, addresses, routes }) {
      const keys = ["lo", ifName].map((each) => `/proc/sys/net/ipv6/conf/${each}/disable_ipv6`);
      const script = 'for key; do echo 0 >"$key"; done';
      await ip(["netns", "exec", name, "sh", "-c", script, "sh", ...keys]);
      for (const address of addresses) {
        await ip(["-n", name, "-6", "address", "replace", address, "dev", ifName, "nodad"]);
      }
      for (const { dst, gateway } of routes) {
        const via = gateway === undefined ? [] : ["via", gateway];
        await ip(["-n", name, "-6", "route", "replace", dst, ...via, "dev", ifName]);
      }
    },
    endClosingConnections: (name) => endClosingConnections(name, netnsPath(name)),
    async remove(name) {
      if (!exists(name)) return;
      if (!(await unmountNetns(netnsPath(name)))) await ip(["netns", "delete", name]);
    },
    exists,
    isAlive: (name) => filesystemOf(name) === NSFS_MAGIC,
  };
}

function exists(name: string): boolean {
  return filesystemOf(name) !== undefined;
}

function filesystemOf(name: string): number | undefined {
  try {
    return statfsSync(netnsPath(name)).type;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function ipJson(args: readonly string[]): Promise<unknown> {
  const stdout = await new Promise<string>((resolve, reject) => {
    execFile("ip", ["-json", ...args], (error, output) =>
      error === null ? resolve(output) : reject(error),
    );
  });
  return stdout.trim() === "" ? [] : JSON.parse(stdout);
}
