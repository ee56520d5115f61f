import { execFile } from "node:child_process";
import { readFileSync, statfsSync } from "node:fs";
import { errnoOf, UserError } from "../lib/errors.ts";
import { runCommand } from "../lib/process.ts";
import { addNetns } from "./add.ts";
import { HINT, ip } from "./command.ts";
import { insideNetns, unmountNetns } from "./native.ts";
import { dropOwner, listOwners, noteOwner, readOwner } from "./owner.ts";
import type { Seen } from "./show.ts";
import type { Counters, Neighbour } from "./traffic.ts";

/** Named network namespaces, as `ip netns` keeps them: bind mounts below /run/netns. */
export interface NetnsManager {
  /** Makes the namespace `name` with its loopback interface up; fails with NETNS_FAILED when there is one. */
  add(name: string): Promise<void>;
  /** Gives the network namespace of a process the name `name`. */
  attach(name: string, pid: number): Promise<void>;
  /** What the namespace holds at this moment. */
  show(name: string): Promise<Seen>;
  /** What came and went by its interfaces, by their names. */
  counters(name: string): Promise<Map<string, Counters>>;
  /** Its neighbour table. */
  neighbours(name: string): Promise<Neighbour[]>;
  /** Brings the loopback interface of `name` up. */
  loopbackUp(name: string): Promise<void>;
  /** Makes `gateway` on the interface `ifName` the default route of its family in `name`. */
  setDefaultRoute(name: string, gateway: string, ifName: string): Promise<void>;
  /** The default routes of both families in `name`, as ip-route(8) prints them. */
  defaultRoutes(name: string): Promise<Route[]>;
  /** Adds or removes a route in `name`. */
  changeRoute(name: string, change: "add" | "del", route: Route): Promise<void>;
  /** Switches IPv6 on for loopback and an interface in `name`, and gives it addresses and routes that it may have already. */
  restoreIpv6(name: string, settings: Ipv6Settings): Promise<void>;
  /** Switches IPv6 off for an interface in `name`, or for `all`. */
  disableIpv6(name: string, ifName: string): Promise<void>;
  /** Tells the neighbours on the interface's link that it has these addresses; false where that cannot be done. */
  announce(name: string, ifName: string, addresses: readonly string[]): Promise<boolean>;
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
  /** The state folder of who made `name`; undefined when it is not known. */
  ownerOf(name: string): string | undefined;
  /** The state folders that namespaces were made for, each once. */
  owners(): string[];
  /** Whether `name` is there and a namespace is mounted on it. */
  isAlive(name: string): boolean;
}

/** A route as ip-route(8) prints it and takes it. */
export interface Route {
  family: 4 | 6;
  text: string;
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

/** Network namespaces by the `ip` command; those that it makes are noted as of `stateDir`. */
export function ipNetns(stateDir: string): NetnsManager {
  return {
    async add(name) {
      await addNetns(netnsPath(name));
      noteOwner(name, stateDir);
    },
    async attach(name, pid) {
      await ip(["netns", "attach", name, String(pid)]);
      noteOwner(name, stateDir);
    },
    ownerOf: readOwner,
    owners: listOwners,
    show: async (name) => (await import("./show.ts")).showNetns(name),
    counters: async (name) => (await import("./traffic.ts")).readCounters(name),
    neighbours: async (name) => (await import("./traffic.ts")).readNeighbours(name),
    hasLink: async (name, ifName) =>
      (await runCommand("ip", ["-n", name, "link", "show", "dev", ifName])).code === 0,
    async removeLink(name, ifName) {
      await runCommand("ip", ["-n", name, "link", "delete", "dev", ifName]);
    },
    async addStandIn(name, ifName, addresses) {
      await ip(["-n", name, "link", "add", ifName, "type", "veth"]);
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
    async defaultRoutes(name) {
      const both = ([4, 6] as const).map((family) => readDefaultRoutes(name, family));
      return (await Promise.all(both)).flat();
    },
    changeRoute: (name, change, { family, text }) =>
      ip(["-n", name, `-${family}`, "route", change, ...text.split(" ")]),
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
    disableIpv6: (name, ifName) => {
      const key = `/proc/sys/net/ipv6/conf/${ifName}/disable_ipv6`;
      return ip(["netns", "exec", name, "sh", "-c", 'echo 1 >"$1"', "sh", key]);
    },
    async announce(name, ifName, addresses) {
      const { announce } = await import("./announce.ts");
      return announce(netnsPath(name), ifName, addresses);
    },
    endClosingConnections: (name) => endClosingConnections(name, netnsPath(name)),
    async remove(name) {
      dropOwner(name);
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

/** What ip-route(8) prints of a route that it does not take. */
const STATE_OF_ROUTE = /\b(?:linkdown|dead|offload|rt_offload|trap|rt_trap|expires \S+)(?= |$)/g;

async function readDefaultRoutes(name: string, family: 4 | 6): Promise<Route[]> {
  const stdout = await ipOutput(["-n", name, `-${family}`, "route", "show", "default"]);
  // The hops of a route with several stand below it, indented.
  const lines = stdout.replaceAll(/\n\s+/g, " ").split("\n");
  return lines.flatMap((line) => {
    const text = line.replaceAll(STATE_OF_ROUTE, "").trim().replaceAll(/\s+/g, " ");
    return text === "" ? [] : [{ family, text }];
  });
}

function ipOutput(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile("ip", args, (error, output) => (error === null ? resolve(output) : reject(error)));
  });
}

/** TCP states (ss(8)) of connections whose process may be gone, and their numbers in /proc/net/tcp (proc(5)). */
const CLOSING = new Map([
  ["fin-wait-1", "04"],
  ["fin-wait-2", "05"],
  ["time-wait", "06"],
  ["last-ack", "09"],
  ["closing", "0B"],
]);

/**
 * Ends the TCP connections that a container left behind in the namespace at `path`, known as `name` to ip-netns(8): the kernel
 * keeps them for minutes after its processes ended, and the next server cannot bind their ports. Those of processes that share
 * the namespace and still use them stay. Starts ss(8) only where there are any. Rejects with NETNS_FAILED where they stay: the
 * kernel needs INET_DIAG_DESTROY.
 */
async function endClosingConnections(name: string, path: string): Promise<void> {
  if (await hasNone(path)) return;
  const states = [...CLOSING.keys()].flatMap((state) => ["state", state]);
  const argv = ["netns", "exec", name, "ss", "--kill", "--tcp", "--numeric", ...states];
  const { code, stderr } = await runCommand("ip", argv);
  if (code === 0) return;
  throw new UserError("NETNS_FAILED", `ss --kill failed in ${name}: ${stderr.trim()}`, {
    hint: HINT,
  });
}

/** False where it is unknown: outside of the executable no namespace can be entered. */
async function hasNone(path: string): Promise<boolean> {
  const tables = await insideNetns(path, () => ["tcp", "tcp6"].map(readTable));
  return tables !== undefined && !tables.some(hasClosing);
}

/** The table of the namespace that the calling thread is in; without IPv6 there is no tcp6. */
function readTable(table: string): string {
  try {
    return readFileSync(`/proc/thread-self/net/${table}`, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return "";
    throw error;
  }
}

function hasClosing(table: string): boolean {
  const numbers = new Set(CLOSING.values());
  const lines = table.split("\n").slice(1);
  return lines.some((line) => numbers.has(line.trim().split(/\s+/)[3] ?? ""));
}
