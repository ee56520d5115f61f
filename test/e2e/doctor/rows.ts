import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostLocal, type NetworkList } from "../harness/config.ts";
import { endDaemon } from "../harness/daemon.ts";
import type { DockerHost } from "../harness/host.ts";
import { must, waitFor } from "../harness/shell.ts";
import { daemonPid } from "../harness/takedown.ts";
import { inHostNetns } from "../harness/traces.ts";
import { type } from "./doctor.ts";

export interface Row {
  /** What is broken. */
  of: string;
  check: string;
  break: (host: DockerHost) => Promise<unknown> | void;
  says: RegExp;
  /** How it is put right: by what the report says, by --fix, or as its words ask for. */
  by: "the line" | "--fix" | ((host: DockerHost) => Promise<unknown> | void);
  /** A command that the remedy runs, and not every host has. */
  needs?: string;
  /** Takes back what is not the doctor's. */
  after?: (host: DockerHost) => Promise<unknown> | void;
}

const GONE = "f".repeat(64);

const inHost = (host: DockerHost, ...argv: string[]) => must([...inHostNetns(host.place), ...argv]);

/** A second network, with these plugins. */
const second = (host: DockerHost, plugins: NetworkList["plugins"], more: object = {}) =>
  host.writeNetwork("20-second.conflist", {
    cniVersion: "1.0.0",
    name: "second",
    plugins,
    ...more,
  });
const noSecond = (host: DockerHost) => host.removeNetwork("20-second.conflist");

const bridge = (host: DockerHost, subnet: string, more: object = {}) => ({
  type: "bridge",
  bridge: `${host.place.bridge}x`,
  isGateway: true,
  ipam: { ...hostLocal(host.place), ranges: [[{ subnet }]] },
  ...more,
});

/** Has dockerd read daemon.json, without or with docker-cni in it. */
async function register(host: DockerHost, isThere: boolean): Promise<void> {
  const file = join(host.place.dir, "daemon.json");
  const saved = `${file}.saved`;
  if (isThere) writeFileSync(file, readFileSync(saved));
  else {
    const json: Record<string, unknown> = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(saved, readFileSync(file));
    writeFileSync(file, JSON.stringify({ ...json, runtimes: {} }));
  }
  const pid = daemonPid(host.place);
  if (pid === undefined) throw new Error("dockerd does not run");
  process.kill(pid, "SIGHUP");
  await waitFor("dockerd has read it", async () => {
    const runtimes = await host.ok("info", "--format", "{{json .Runtimes}}");
    return runtimes.includes("docker-cni") === isThere ? true : undefined;
  });
}

/** The log tells that the container was docker-cni's. */
function tellInLog({ place }: DockerHost): void {
  const line = { level: 30, container: GONE, step: "ADD", msg: "plugin done" };
  appendFileSync(join(place.dir, "docker-cni.log"), `${JSON.stringify(line)}\n`);
}

/** A container that is removed while nobody looks. */
async function removeUnseen(host: DockerHost): Promise<void> {
  const id = await host.sleeper("--name", "unseen");
  await host.ok("stop", id);
  // What the poststop hook left behind waits a moment for a removal.
  await new Promise((resolve) => setTimeout(resolve, 6000));
  await host.ok("rm", id);
}

const fakePlugin = (answer: string, status = 0) =>
  `#!/bin/sh\ncat >/dev/null\ncase $CNI_COMMAND in\nVERSION) echo '{"cniVersion":"1.1.0","supportedVersions":["0.4.0","1.0.0","1.1.0"]}' ;;\n*) echo '${answer}'; exit ${status} ;;\nesac\n`;

const OLD_BRIDGE = `#!/bin/sh
[ "$CNI_COMMAND" = VERSION ] && echo '{"cniVersion":"1.0.0","supportedVersions":["0.4.0","1.0.0"]}' && exit
PATH=/opt/cni/bin:/usr/lib/cni:$PATH exec bridge
`;

export const rows: Row[] = [
  {
    of: "an engine that is down",
    check: "engine-reachable",
    break: (host) => endDaemon(host.place, "SIGTERM"),
    says: /cannot reach the Docker Engine at .*docker\.sock/,
    by: (host) => host.start(),
    after: async (host) => {
      if (daemonPid(host.place) === undefined) await host.start();
    },
  },
  {
    of: "an engine without the runtime",
    check: "runtime-registered",
    break: (host) => register(host, false),
    says: /no runtime of the engine's is docker-cni/,
    by: (host) => register(host, true),
  },
  {
    of: "Docker's client without the plugin",
    check: "cli-plugin",
    break: () => {},
    says: /does not have it yet/,
    by: "--fix",
    after: (host) => rmSync(join(host.place.dir, "docker-config/cli-plugins"), { recursive: true }),
  },
  {
    of: "a configuration with a key that there is not",
    check: "config-file",
    break: (host) => host.writeConfig({ nosuch: 1 }),
    says: /unknown key "nosuch"/,
    by: (host) => host.writeConfig(),
  },
  {
    of: "a configuration that anybody can write",
    check: "config-file",
    break: (host) => must(["chmod", "666", join(host.place.dir, "cni.yaml")]),
    says: /others than root can write/,
    by: "--fix",
  },
  {
    of: "a network file that is no JSON",
    check: "network-files",
    break: (host) => host.writeNetwork("20-second.conflist", "{ no"),
    says: /JSON/,
    by: noSecond,
  },
  {
    of: "two files for one network",
    check: "network-names",
    break: (host) => {
      const file = join(host.place.dir, "net.d/10-default.conflist");
      host.writeNetwork("20-second.conflist", readFileSync(file, "utf8"));
    },
    says: /20-second\.conflist is for it too/,
    by: "the line",
    after: (host) => host.removeNetwork("20-second.conflist.disabled"),
  },
  {
    of: "a plugin that is not there",
    check: "plugins",
    break: (host) => second(host, [{ type: "nosuch" }]),
    says: /network second needs it/,
    by: (host) => host.writePlugin("nosuch", fakePlugin("{}")),
    after: (host) => {
      noSecond(host);
      rmSync(join(host.place.dir, "plugins/nosuch"));
    },
  },
  {
    of: "a plugin that may not be executed",
    check: "plugins",
    break: async (host) => {
      second(host, [{ type: "mine" }]);
      host.writePlugin("mine", fakePlugin("{}"));
      await must(["chmod", "644", join(host.place.dir, "plugins/mine")]);
    },
    says: /may not be executed/,
    by: "the line",
    after: noSecond,
  },
  {
    of: "a network of a CNI version that its plugin does not speak",
    check: "plugins",
    break: (host) => {
      // Of plugins 1.1: later ones speak it.
      host.writePlugin("bridge-1.1", OLD_BRIDGE);
      const old = { ...bridge(host, "10.199.1.0/24"), type: "bridge-1.1" };
      second(host, [old], { cniVersion: "1.1.0" });
    },
    says: /is of CNI 1\.1\.0, and it speaks/,
    by: async (host) => {
      const lines = await linesOf(host, "plugins");
      for (const line of new Set(lines)) await type(host, line);
    },
    after: noSecond,
  },
  {
    of: "a network that says by STATUS that it cannot serve",
    check: "status",
    break: (host) => {
      host.writePlugin(
        "mine",
        fakePlugin('{"cniVersion":"1.1.0","code":50,"msg":"its daemon is down"}', 1),
      );
      second(host, [{ type: "mine" }], { cniVersion: "1.1.0" });
    },
    says: /its daemon is down/,
    by: (host) => host.writePlugin("mine", fakePlugin("{}")),
    after: noSecond,
  },
  {
    of: "a subnet that the host has elsewhere",
    check: "subnets",
    break: async (host) => {
      await inHost(host, "ip", "link", "add", "far0", "type", "bridge");
      await inHost(host, "ip", "link", "set", "far0", "up");
      await inHost(host, "ip", "route", "add", "10.199.0.0/16", "dev", "far0");
      second(host, [bridge(host, "10.199.1.0/24")]);
    },
    says: /10\.199\.1\.0\/24 overlaps 10\.199\.0\.0\/16, which the host reaches by far0/,
    by: "the line",
    after: async (host) => {
      noSecond(host);
      await inHost(host, "ip", "link", "delete", "far0");
    },
  },
  {
    of: "two networks that give out the same addresses",
    check: "subnets",
    break: (host) => second(host, [bridge(host, host.place.subnet)]),
    says: /both give them out/,
    by: "the line",
    after: noSecond,
  },
  {
    of: "a network with larger packets than the uplink takes",
    check: "mtu",
    break: async (host) => {
      await inHost(host, "ip", "link", "add", "up0", "mtu", "1400", "type", "bridge");
      await inHost(host, "ip", "address", "add", "192.168.77.2/24", "dev", "up0");
      await inHost(host, "ip", "link", "set", "up0", "up");
      await inHost(host, "ip", "route", "add", "default", "via", "192.168.77.1");
    },
    says: /its MTU is 1500, and that of the uplink up0 1400/,
    by: "the line",
    after: (host) => inHost(host, "ip", "link", "delete", "up0"),
  },
  {
    of: "forwarding that is off",
    check: "ip-forward",
    break: async (host) => {
      await host.sleeper("--name", "web");
      await inHost(host, "sysctl", "-w", "net.ipv4.ip_forward=0");
    },
    needs: "sysctl",
    says: /reach the host and no further/,
    by: "the line",
  },
  {
    of: "a policy that drops what a network without the firewall plugin sends",
    check: "forward-policy",
    break: async (host) => {
      await inHost(host, "iptables", "-P", "FORWARD", "DROP");
      second(host, [bridge(host, "10.199.1.0/24")]);
    },
    says: /drops what containers of second send/,
    by: "the line",
    after: async (host) => {
      noSecond(host);
      for (const way of ["-i", "-o"]) {
        const rule = [way, `${host.place.bridge}x`, "-j", "ACCEPT"];
        await inHost(host, "iptables", "-D", "DOCKER-USER", ...rule);
      }
    },
  },
  {
    of: "a network whose container was removed while nobody looked",
    check: "sandboxes",
    break: removeUnseen,
    says: /unseen: the container is gone, and its network is not/,
    by: "--fix",
  },
  {
    of: "a namespace that lost its name",
    check: "sandboxes",
    break: async (host) => must(["umount", host.netns(await host.sleeper("--name", "web"))]),
    says: /has lost its name/,
    by: "--fix",
  },
  {
    of: "a lease of a container that is gone",
    check: "leases",
    break: (host) => {
      const folder = join(host.place.dir, "leases", host.place.network);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `${host.place.prefix}.99`), `${GONE}\r\neth0`);
      tellInLog(host);
    },
    says: /\.99 \(ffffffffffff\): of containers that are gone/,
    by: "--fix",
    after: (host) => {
      const { dir, network, prefix } = host.place;
      rmSync(join(dir, "leases", network, `${prefix}.99`), { force: true });
    },
  },
  {
    of: "a chain of a container that is gone",
    check: "chains",
    break: async (host) => {
      const chain = "CNI-0123456789abcdef01234567";
      tellInLog(host);
      const nat = ["iptables", "-t", "nat"];
      const comment = ["-m", "comment", "--comment", `name: "lan" id: "${GONE}"`];
      await inHost(host, ...nat, "-N", chain);
      await inHost(host, ...nat, "-A", chain, "-d", "10.199.0.0/16", "-j", "ACCEPT", ...comment);
      await inHost(host, ...nat, "-A", "POSTROUTING", "-s", "10.199.0.9", ...comment, "-j", chain);
    },
    says: /it was of ffffffffffff, which is gone/,
    by: "--fix",
  },
  {
    of: "a container of the runtime that has no network",
    check: "without-network",
    break: (host) =>
      host.ok("run", "-d", "--name", "out", "--runtime", "cni", "busybox", "sleep", "99"),
    says: /no CNI network: it is on Docker's network/,
    by: (host) => host.ok("rm", "-f", "out"),
  },
  {
    of: "a port that a process of the host listens on too",
    check: "ports",
    break: async (host) => {
      await host.sleeper("--name", "web", "-p", "18099:80");
      await listen(host, 18_099);
    },
    says: /listens on it too/,
    by: "the line",
    after: () => void listener?.kill("SIGKILL"),
  },
];

async function linesOf(host: DockerHost, check: string): Promise<string[]> {
  const { complaints } = await import("./doctor.ts");
  return (await complaints(host, check)).flatMap(({ remedy }) => remedy?.command ?? []);
}

let listener: ChildProcess | undefined;

/** A process of the host that listens on a port. */
async function listen(host: DockerHost, port: number): Promise<void> {
  const script = `require("node:net").createServer().listen(${port}, () => console.log("listens"))`;
  const [file, ...args] = [...inHostNetns(host.place), process.execPath, "-e", script];
  listener = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  await once(listener.stdout ?? listener, "data");
}
