import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import {
  createCni,
  parseNetworkList,
  realPluginExec,
  type Cni,
  type NetworkList,
} from "../../src/cni/index.ts";
import { tempDir } from "./harness.ts";

/**
 * A host of its own for the real plugins: a network namespace in which they run, so that bridges, routes and iptables
 * chains are all gone with it, and one for the container.
 */
export interface TestHost {
  cni: Cni;
  pluginDirs: string[];
  /** Path of the container's network namespace. */
  netns: string;
  ip: (...args: string[]) => void;
  ipInContainer: (...args: string[]) => void;
  /** Interfaces of the host other than loopback. */
  links: () => string[];
  /** Addresses of the container's interface, with prefix lengths, and its MAC. */
  addresses: (ifName: string) => { ips: string[]; mac: string };
  iptables: () => string;
  run: (command: string, ...args: string[]) => string;
  /** Addresses that host-local has given away. */
  leases: () => string[];
  /** Keys of an `ipam` object of host-local's, in a subnet of this host's. */
  hostLocal: (subnet?: string) => Record<string, unknown>;
  list: (plugins: readonly Record<string, unknown>[], cniVersion?: string) => NetworkList;
}

interface LinkInfo {
  ifname: string;
  address: string;
  addr_info: { local: string; prefixlen: number; scope: string }[];
}

let count = 0;

/** Makes a host that is gone when the test is over. */
export function testHost(): TestHost {
  const tag = `tc-${process.pid}-${count++}`;
  const [host, container] = [`${tag}-h`, `${tag}-c`];
  const dir = tempDir();
  for (const name of [host, container]) {
    ip("netns", "add", name);
    onTestFinished(() => {
      ip("netns", "del", name);
    });
  }
  ip("-n", host, "link", "set", "lo", "up");
  const pluginDirs = ["/opt/cni/bin", "/usr/lib/cni"].filter((path) => existsSync(path));
  const run = (command: string, ...args: string[]): string =>
    execFileSync("ip", ["netns", "exec", host, command, ...args], { encoding: "utf8" });
  const dataDir = join(dir, "ipam");
  return {
    cni: createCni({ pluginDirs, cacheDir: join(dir, "cache"), exec: execIn(host, dir) }),
    pluginDirs,
    netns: `/run/netns/${container}`,
    ip: (...args) => ip("-n", host, ...args),
    ipInContainer: (...args) => ip("-n", container, ...args),
    links: () =>
      linksOf(host)
        .map(({ ifname }) => ifname)
        .filter((name) => name !== "lo"),
    addresses: (ifName) => addressesOf(container, ifName),
    iptables: () => run("iptables-save") + run("ip6tables-save"),
    run,
    leases: () => leasesIn(join(dataDir, "lan")),
    hostLocal: (subnet = "10.201.0.0/24") => ({
      type: "host-local",
      dataDir,
      ranges: [[{ subnet }]],
    }),
    list: (plugins, cniVersion = "1.0.0") =>
      parseNetworkList(JSON.stringify({ cniVersion, name: "lan", plugins })),
  };
}

/** A bridge plugin's configuration: gateway, masquerading and a subnet of this host's. */
export function bridge(
  host: TestHost,
  extra: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    type: "bridge",
    bridge: "tcbr0",
    isGateway: true,
    ipMasq: true,
    ipam: host.hostLocal(),
    ...extra,
  };
}

/** Runs plugins in the namespace `host`, whichever the caller's is. */
function execIn(host: string, dir: string): ReturnType<typeof realPluginExec> {
  const path = join(dir, "in-host");
  writeFileSync(path, `#!/bin/sh\nexec ip netns exec ${host} "$PLUGIN"\n`, { mode: 0o755 });
  const real = realPluginExec();
  return {
    find: (type, dirs) => real.find(type, dirs),
    run: async (call) => real.run({ ...call, path, env: { ...call.env, PLUGIN: call.path } }),
  };
}

function ip(...args: string[]): string {
  return execFileSync("ip", args, { encoding: "utf8" });
}

function linksOf(netns: string): LinkInfo[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the format of `ip -j`
  return JSON.parse(ip("-n", netns, "-j", "addr", "show")) as LinkInfo[];
}

function addressesOf(netns: string, ifName: string): { ips: string[]; mac: string } {
  const link = linksOf(netns).find(({ ifname }) => ifname === ifName);
  const global = (link?.addr_info ?? []).filter(({ scope }) => scope !== "link");
  return {
    ips: global.map(({ local, prefixlen }) => `${local}/${prefixlen}`),
    mac: link?.address ?? "",
  };
}

function leasesIn(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir).filter((name) => /^[0-9a-f]+[.:]/.test(name)) : [];
}
