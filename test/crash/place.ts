import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { must } from "../e2e/harness/shell.ts";

/** The repository's own folder. */
const REPOSITORY = join(import.meta.dirname, "../..");

/** A host without a dockerd: folders, a network and a root file system, in namespaces of their own. */
export interface Place {
  dir: string;
  /** The engine's folder of containers. */
  containers: string;
  /** The file that tells the wrappers what to do, see `wrappers.ts`. */
  control: string;
  launcher: string;
  hook: string;
  config: string;
  subnet: string;
  env: Record<string, string>;
}

const PLUGINS = ["bridge", "host-local", "portmap", "firewall"];
const PLUGIN_DIRS = "/opt/cni/bin:/usr/lib/cni";

/**
 * Makes the host. The caller runs in a network and a mount namespace of its own. `netnsFolder`: how /run/netns is at
 * first.
 */
export async function makePlace(netnsFolder: "private" | "missing" = "private"): Promise<Place> {
  const dir = mkdtempSync(join(tmpdir(), "docker-cni-crash-"));
  const path = (name: string): string => join(dir, name);
  // /sys shows the links of the namespace in which it was mounted; the cgroups below it stay.
  mkdirSync(path("cgroup"));
  await must(["mount", "--rbind", "/sys/fs/cgroup", path("cgroup")]);
  await must(["mount", "-t", "sysfs", "sysfs", "/sys"]);
  await must(["mount", "--rbind", path("cgroup"), "/sys/fs/cgroup"]);
  await must(["umount", "--lazy", path("cgroup")]);
  // Nobody's else: neither the names that are there, nor the folder itself.
  await must(["mount", "-t", "tmpfs", "tmpfs", "/run"]);
  if (netnsFolder === "private") {
    mkdirSync("/run/netns");
    await must(["mount", "-t", "tmpfs", "tmpfs", "/run/netns"]);
    await must(["mount", "--make-private", "/run/netns"]);
  }
  await must(["ip", "link", "set", "lo", "up"]);
  for (const name of [
    "containers",
    "volumes",
    "net.d",
    "plugins",
    "bin",
    "rootfs/bin",
    "state",
    "runc",
  ]) {
    mkdirSync(path(name), { recursive: true });
  }
  await must(["cp", "/bin/busybox", path("rootfs/bin/busybox")]);
  await must(["mkdir", path("rootfs/proc"), path("rootfs/etc"), path("rootfs/dev")]);
  writeFileSync(path("rootfs/etc/hosts"), "");
  const place = {
    dir,
    containers: path("containers"),
    control: path("control"),
    launcher: path("installed/bin/docker-cni"),
    hook: path("installed/hooks/poststop"),
    config: path("cni.yaml"),
    subnet: "10.205.9.0/24",
    env: { PATH: `${path("bin")}:${await systemPath()}`, HOME: dir, LF_CONTROL: path("control") },
  };
  writeFileSync(place.config, yaml(place));
  writeFileSync(path("net.d/10-crash.conflist"), JSON.stringify(network(place)));
  writeFileSync(path("net.d/20-second.conflist"), JSON.stringify(secondNetwork(place)));
  writeFileSync(place.control, "");
  await writeWrappers(place);
  return place;
}

export function removePlace({ dir }: Place): void {
  const root = "/sys/fs/cgroup";
  for (const hierarchy of [root, ...readdirSync(root).map((name) => join(root, name))]) {
    const cgroup = join(hierarchy, basename(dir));
    if (existsSync(cgroup)) rmdirSync(cgroup);
  }
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
}

function yaml({ dir }: Place): string {
  return [
    `cni_conf_dir: ${dir}/net.d`,
    `cni_bin_dir: ${dir}/plugins:${PLUGIN_DIRS}`,
    `cni_log: ${dir}/log`,
    `state_dir: ${dir}/state`,
    "lock_timeout: 20s",
    "plugin_timeout: 10s",
    "",
  ].join("\n");
}

function network({ dir, subnet }: Place): unknown {
  return {
    cniVersion: "1.0.0",
    name: "crash",
    plugins: [
      {
        type: "bridge",
        bridge: "lfcrash",
        isGateway: true,
        ipMasq: true,
        ipam: {
          type: "host-local",
          ranges: [[{ subnet }]],
          routes: [{ dst: "0.0.0.0/0" }],
          dataDir: `${dir}/leases`,
        },
      },
      { type: "portmap", capabilities: { portMappings: true } },
      { type: "firewall" },
    ],
  };
}

/** A network that containers are connected to while they live. */
function secondNetwork({ dir }: Place): unknown {
  const ipam = {
    type: "host-local",
    ranges: [[{ subnet: "10.205.10.0/24" }]],
    routes: [{ dst: "0.0.0.0/0" }],
    dataDir: `${dir}/leases`,
  };
  return {
    cniVersion: "1.0.0",
    name: "second",
    plugins: [
      { type: "bridge", bridge: "lfsecond", isGateway: true, ipMasq: true, ipam },
      { type: "portmap", capabilities: { portMappings: true } },
      { type: "firewall" },
    ],
  };
}

/**
 * Programs that run the real ones, under strace when the control file asks for it: its first line is
 * `PROGRAM[:CNI-COMMAND]`, its second the strace options. Among them is docker-cni's program, in an installation of its own.
 */
async function writeWrappers(place: Place): Promise<void> {
  for (const plugin of PLUGINS) {
    const real = await must(["sh", "-c", `PATH=${PLUGIN_DIRS} command -v ${plugin}`]);
    writeWrapper(join(place.dir, "plugins", plugin), `${plugin}:$CNI_COMMAND`, real.trim());
  }
  const ip = await must(["sh", "-c", `PATH=${await systemPath()} command -v ip`]);
  writeWrapper(join(place.dir, "bin/ip"), "ip", ip.trim());
  const installed = join(place.dir, "installed");
  mkdirSync(join(installed, "dist"), { recursive: true });
  await must(["cp", "-r", join(REPOSITORY, "bin"), join(REPOSITORY, "hooks"), installed]);
  const program = join(REPOSITORY, "dist/docker-cni");
  writeWrapper(join(installed, "dist/docker-cni"), "program", program);
}

function writeWrapper(file: string, name: string, real: string): void {
  const script = `#!/bin/sh
{ read -r target; read -r options; } <"$LF_CONTROL" 2>/dev/null
[ "$target" = "${name}" ] || exec ${real} "$@"
: >"$LF_CONTROL"
exec strace $options ${real} "$@"
`;
  writeFileSync(file, script);
  chmodSync(file, 0o755);
}

async function systemPath(): Promise<string> {
  const dirs = (process.env.PATH ?? "").split(":").filter((dir) => !dir.includes("node_modules"));
  return [...dirs, "/usr/local/sbin", "/usr/sbin", "/sbin"].join(":");
}
