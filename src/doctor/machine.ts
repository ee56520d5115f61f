import { broken, byHand, command, fine, type Finding, ownCommand, warning } from "./finding.ts";
import { textOf } from "../lib/texts.ts";
import type { Subject } from "./subject.ts";

/** Whether names of namespaces are seen by all who need them (mount_namespaces(7)). */
export function netnsShared({ host }: Subject): Finding {
  const title = "/run/netns";
  const mounts = (host.read("/proc/self/mountinfo") ?? "")
    .split("\n")
    .map((line) => line.split(" "));
  const mount = ["/run/netns", "/run", "/"]
    .map((path) => mounts.findLast((fields) => fields[4] === path))
    .find((fields) => fields !== undefined);
  if (mount === undefined) return fine(title, "not there yet");
  const [point = "/", options] = [mount[4], mount.slice(6).join(" ")];
  // Before the first `ip netns add` there is no mount of its own.
  if (point !== "/run/netns" || options.includes("shared:")) return fine(title, "shared");
  const detail =
    "its mounts are not shared: plugins and engines in other mount namespaces see no names";
  return broken(title, detail, ownCommand("mount", "--make-shared", "/run/netns"));
}

const LEAST_FREE = 0.03;

/** Whether there is room for the state. */
export function diskSpace({ host, config }: Subject): Finding {
  const title = "disk";
  const disk = host.disk(config.stateDir);
  if (disk === undefined) return fine(title, "it is not told how full it is");
  const space = disk.freeBytes / Math.max(1, disk.totalBytes);
  const files = disk.totalFiles === 0 ? 1 : disk.freeFiles / disk.totalFiles;
  const free = `${Math.round(disk.freeBytes / 1e6)} MB free for ${config.stateDir}`;
  if (space >= LEAST_FREE && files >= LEAST_FREE) return fine(title, free);
  const what = space < LEAST_FREE ? free : `no inodes for ${config.stateDir}`;
  const detail = `${what}: when it is full no container starts`;
  return (disk.freeBytes < 1e6 ? broken : warning)(
    title,
    detail,
    command("docker", "system", "prune"),
  );
}

const UNITS = ["docker-cni-gc.path", "docker-cni-gc.service"];

/** Whether systemd releases what removed containers leave. */
export async function unitsEnabled({ host, engineInfo }: Subject): Promise<Finding[]> {
  const title = "systemd units";
  if (host.stat("/run/systemd/system") === undefined) return [fine(title, "no systemd here")];
  const states = await Promise.all(
    UNITS.map((unit) => host.run(["systemctl", "is-enabled", unit])),
  );
  const off = UNITS.filter((_, place) => states[place]?.stdout.trim() !== "enabled");
  if (off.length > 0) {
    const detail = `${off.join(", ")} not enabled: a stopped container that is removed is released by the next start only`;
    return [warning(title, detail, ownCommand("systemctl", "enable", "--now", ...UNITS))];
  }
  const root = textOf((await engineInfo())?.["DockerRootDir"]) || "/var/lib/docker";
  const { stdout } = await host.run(["systemctl", "cat", "docker-cni-gc.path"]);
  if (stdout.includes(`PathChanged=${root}/containers`)) return [fine(title, "enabled")];
  const detail = `docker-cni-gc.path watches another folder than ${root}/containers, Docker's own`;
  return [warning(title, detail, byHand("systemctl edit docker-cni-gc.path"))];
}

const TOLERATED_MS = 60_000;

/** Whether the clock goes with what was written before. */
export async function clock({ host, sandboxes, engineInfo }: Subject): Promise<Finding> {
  const title = "clock";
  const now = host.now();
  const set = command("timedatectl", "set-ntp", "true");
  const late = (await sandboxes()).find(
    ({ record }) => Date.parse(record.createdAt) > now + TOLERATED_MS,
  );
  if (late !== undefined) {
    const detail = `${late.name ?? late.id} was made at ${late.record.createdAt}, which is in the future: the clock was set back`;
    return warning(title, detail, set);
  }
  const theirs = Date.parse(textOf((await engineInfo())?.["SystemTime"]));
  if (Math.abs(theirs - now) > TOLERATED_MS) {
    return warning(
      title,
      `Docker's clock differs by ${Math.round(Math.abs(theirs - now) / 1000)} s`,
      set,
    );
  }
  return fine(title, new Date(now).toISOString());
}
