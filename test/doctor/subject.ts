import { CniError, parseNetworkList } from "../../src/cni/index.ts";
import { resolveConfig } from "../../src/config/config.ts";
import type { CommandResult, Host } from "../../src/doctor/host.ts";
import { firstOfEachName, hostNetwork } from "../../src/doctor/make-subject.ts";
import type { NetworkFile, Subject } from "../../src/doctor/subject.ts";
import { isJsonObject } from "../../src/lib/fields.ts";
import type { EngineContainer } from "../../src/engine/find-container.ts";
import type { SandboxView } from "../../src/sandbox/view.ts";
import type { AttachmentRecord } from "../../src/state/record.ts";

/** A host as data. Undefined takes away what a healthy one has. */
export interface World {
  files: Record<string, string | { text?: string; mode?: number; kind?: "folder" } | undefined>;
  /** Links of the file system. */
  links: Record<string, string>;
  /** Commands by their words, or by the beginning of these. */
  commands: Record<string, string | Partial<CommandResult> | undefined>;
  engine: Record<string, unknown>;
  networks: Record<string, string>;
  versions: Record<string, string[] | undefined>;
  /** What STATUS of a network throws. */
  status: Record<string, string>;
  sandboxes: SandboxView[];
  /** Names of namespaces that are there; undefined: all. */
  alive: string[] | undefined;
  containers: EngineContainer[];
  /** Ids of which the log tells. */
  log: string[];
  /** What `--network` of a container was, by its name. */
  modes: Record<string, string>;
  disk: { freeBytes: number; freeFiles: number };
  listeners: { protocol: string; hostPort: number; holder: string }[];
  more: Partial<Subject>;
}

const NOW = Date.parse("2026-11-01T00:00:00Z");
export const ID = "a".repeat(64);
export const GONE = "b".repeat(64);
export const LAUNCHER = "/usr/bin/docker-cni";

export const LAN = {
  cniVersion: "1.0.0",
  name: "lan",
  plugins: [
    {
      type: "bridge",
      bridge: "br0",
      isGateway: true,
      ipMasq: true,
      ipam: { type: "host-local", ranges: [[{ subnet: "10.9.0.0/24" }]] },
    },
    { type: "portmap", capabilities: { portMappings: true } },
    { type: "firewall" },
  ],
};

const NAT = [
  "*nat",
  ":CNI-0123456789abcdef01234567 - [0:0]",
  `-A POSTROUTING -s 10.9.0.2/32 -m comment --comment "name: \\"lan\\" id: \\"${ID}\\"" -j CNI-0123456789abcdef01234567`,
  "COMMIT",
];

export const healthy: World = {
  files: {
    [LAUNCHER]: { mode: 0o755 },
    "/usr/libexec/docker/cli-plugins/docker-cni": { mode: 0o755 },
    "/usr/sbin/runc": { mode: 0o755 },
    "/etc/docker/cni.yaml": "",
    "/opt/cni/bin/bridge": { mode: 0o755 },
    "/opt/cni/bin/host-local": { mode: 0o755 },
    "/opt/cni/bin/portmap": { mode: 0o755 },
    "/opt/cni/bin/firewall": { mode: 0o755 },
    "/proc/sys/net/ipv4/ip_forward": "1\n",
    "/proc/self/mountinfo":
      "1 0 0:1 / / rw shared:1 - ext4\n2 1 0:2 / /run/netns rw shared:2 - tmpfs",
    "/run/systemd/system": { kind: "folder" },
    "/var/lib/cni/networks/lan/10.9.0.2": `${ID}\r\neth0`,
  },
  links: { "/usr/libexec/docker/cli-plugins/docker-cni": LAUNCHER },
  commands: {
    "/usr/sbin/runc --version": "runc version 1.1.5\ncommit: 1",
    "ip -json link show": JSON.stringify([
      { ifname: "eth0", mtu: 1500, flags: ["UP"] },
      { ifname: "br0", mtu: 1500, flags: ["UP"] },
    ]),
    "ip -json -4 route show": JSON.stringify([
      { dst: "default", dev: "eth0" },
      { dst: "192.168.0.0/24", dev: "eth0" },
      { dst: "10.9.0.0/24", dev: "br0" },
    ]),
    "ip -json -6 route show": "[]",
    "iptables-save": [...NAT, "*filter", ":FORWARD ACCEPT [0:0]", "COMMIT"].join("\n"),
    "ip6tables-save": "",
    "iptables --version": "iptables v1.8.9 (nf_tables)",
    "firewall-cmd --state": { code: 252, stdout: "not running" },
    "unshare --net": "",
    "systemctl is-enabled": "enabled",
    "systemctl cat": "PathChanged=/var/lib/docker/containers",
  },
  engine: {
    "/version": { Version: "28.5.0" },
    "/info": {
      Runtimes: { cni: { path: LAUNCHER }, runc: { path: "runc" } },
      DefaultRuntime: "runc",
      DockerRootDir: "/var/lib/docker",
      SystemTime: "2026-11-01T00:00:00Z",
    },
  },
  networks: { "10-lan.conflist": JSON.stringify(LAN) },
  versions: Object.fromEntries(
    ["bridge", "host-local", "portmap", "firewall"].map((type) => [type, ["0.4.0", "1.0.0"]]),
  ),
  status: {},
  sandboxes: [sandbox("web", ID, {})],
  alive: undefined,
  containers: [],
  log: [GONE],
  modes: {},
  disk: { freeBytes: 5e10, freeFiles: 1e6 },
  listeners: [],
  more: {},
};

/** A running container's sandbox. */
export function sandbox(
  name: string,
  id: string,
  attachment: Partial<AttachmentRecord>,
  more: Partial<SandboxView> = {},
): SandboxView {
  return {
    id,
    name,
    state: "running",
    record: {
      version: 1,
      id,
      state: "attached",
      netns: id.slice(0, 12),
      bootId: "boot",
      createdAt: "2026-10-01T00:00:00Z",
      keep: true,
      runtimeDir: "/run/runc",
      attachments: [
        {
          network: "lan",
          ifName: "eth0",
          list: JSON.stringify(LAN),
          cniArgs: [],
          capabilityArgs: {},
          addresses: ["10.9.0.2/24"],
          mac: "02:00:00:00:00:01",
          ...attachment,
        },
      ],
    },
    ...more,
  };
}

/** The healthy host, but for what `changes` has. */
export function changed(changes: Partial<World>): World {
  const world: World = { ...healthy, ...changes };
  for (const key of ["files", "links", "commands", "engine", "versions"] as const) {
    Object.assign(world, { [key]: { ...healthy[key], ...changes[key] } });
  }
  return world;
}

/** A subject in this world, and the commands that were run in it. */
export function fakeSubject(world: World): { subject: Subject; ran: string[][] } {
  const ran: string[][] = [];
  const host = fakeHost(world, ran);
  const files = Object.entries(world.networks).map(([name, text]) =>
    networkFile(`/etc/cni/net.d/${name}`, text),
  );
  const info = world.engine["/info"];
  const subject: Subject = {
    host,
    config: resolveConfig({}),
    configFile: "/etc/docker/cni.yaml",
    launcher: LAUNCHER,
    runtimePath: "/usr/sbin/runc",
    engineAddress: "unix:///var/run/docker.sock",
    cliPluginDirs: ["/root/.docker/cli-plugins", "/usr/libexec/docker/cli-plugins"],
    cni: {
      version: async (type) => {
        const supportedVersions = world.versions[type];
        if (supportedVersions === undefined) throw new Error("exec format error");
        return { cniVersion: "1.0.0", supportedVersions };
      },
      statusNetworkList: async ({ name }) => {
        const msg = world.status[name];
        if (msg !== undefined) throw new CniError({ kind: "plugin", msg, command: "STATUS" });
      },
    },
    networkFiles: async () => files,
    networks: async () => firstOfEachName(files),
    sandboxes: async () => world.sandboxes,
    sandboxIds: () => world.sandboxes.map(({ id }) => id),
    wasOurs: (id) => world.log.includes(id),
    isAlive: (netns) => world.alive?.includes(netns) ?? true,
    daemonConfigs: () => ["/etc/docker/daemon.json"],
    engineContainers: () => world.containers,
    networkMode: ({ name }) => world.modes[name ?? ""],
    whyNoNetwork: async () => ({ reason: "it was never asked for", notes: [] }),
    engineInfo: async () => (isJsonObject(info) ? info : undefined),
    ...hostNetwork(host),
    ...world.more,
  };
  return { subject, ran };
}

function networkFile(file: string, text: string): NetworkFile {
  try {
    return { file, list: { ...parseNetworkList(text), file } };
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    return { file, reason: error.msg };
  }
}

function fakeHost(world: World, ran: string[][]): Host {
  return {
    read: (path) => {
      const file = world.files[path];
      return typeof file === "string" ? file : file?.text;
    },
    list: (path) =>
      Object.keys(world.files)
        .filter((file) => file.startsWith(`${path}/`) && world.files[file] !== undefined)
        .map((file) => file.slice(path.length + 1)),
    stat: (path) => {
      const file = world.files[path];
      if (file === undefined) return undefined;
      const { mode = 0o644, kind = "file" } = typeof file === "string" ? {} : file;
      return { kind, mode, mtimeMs: NOW };
    },
    realPath: (path) => world.links[path] ?? (world.files[path] === undefined ? undefined : path),
    disk: () => ({ totalBytes: 1e11, totalFiles: 1e7, ...world.disk }),
    run: async (argv) => {
      ran.push([...argv]);
      const line = argv.join(" ");
      const [key] = Object.keys(world.commands)
        .filter((words) => line.startsWith(words))
        .toSorted((a, b) => b.length - a.length);
      const found = key === undefined ? undefined : world.commands[key];
      if (found === undefined) return { code: undefined, stdout: "", stderr: "" };
      return {
        code: 0,
        stdout: "",
        stderr: "",
        ...(typeof found === "string" ? { stdout: found } : found),
      };
    },
    engine: async (path) =>
      world.engine[path] === undefined
        ? { ok: false, error: "connect ECONNREFUSED" }
        : { ok: true, body: world.engine[path] },
    listeners: () =>
      world.listeners.map(({ holder, ...rest }) => ({
        hostIP: undefined,
        holder: () => holder,
        ...rest,
      })),
    now: () => NOW,
  };
}
