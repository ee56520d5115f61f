import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "../harness/config.ts";
import type { DockerHost } from "../harness/host.ts";
import { deleteIptables } from "../harness/iptables.ts";
import type { Place } from "../harness/place.ts";
import { listProcesses, readCommand, signal } from "../harness/processes.ts";
import { must, run, waitFor } from "../harness/shell.ts";
import { containerIds, inHostNetns, iptablesLines, netnsNames } from "../harness/traces.ts";
import { recordPath } from "./program.ts";

/**
 * Ends dockerd, whose containerd ends with it. Where nobody reaps orphans the dead containerd is a zombie, which the
 * next dockerd would take for a living one by its pid file.
 */
export async function killDaemon(host: DockerHost): Promise<void> {
  await host.killDaemon();
  await forgetContainerd(host.place);
}

async function forgetContainerd({ dir }: Place): Promise<void> {
  const file = join(dir, "exec/containerd/containerd.pid");
  await waitFor(
    "containerd ends",
    () => readCommand(readFileSync(file, "utf8")) === "" || undefined,
  );
  rmSync(file);
}

/** Ends every process of the host at once, those of its containers first, as a cut of the power does. */
export async function killAll(host: DockerHost): Promise<void> {
  const { place } = host;
  const pids = [
    ...(await containerPids(host)),
    ...listProcesses()
      .filter(({ command }) => command.includes(`${place.dir}/`) && ENGINE.test(command))
      .map(({ pid }) => pid),
  ];
  // Nobody is to see another one die.
  for (const pid of pids) signal(pid, "SIGSTOP");
  for (const pid of pids) signal(pid, "SIGKILL");
  await waitFor(
    "all processes end",
    () => pids.every((pid) => readCommand(pid) === "") || undefined,
  );
  await forgetContainerd(place);
}

/**
 * Cuts the power and boots again, as far as the host's own things go: no process, no network namespace, no link, no rule
 * is left, /run is empty, and every record is of another boot. dockerd is not started.
 */
export async function reboot(host: DockerHost): Promise<void> {
  const { place } = host;
  await killAll(host);
  await unmountAll(place);
  rmSync(join(place.dir, "exec"), { recursive: true, force: true });
  rmSync(join(place.dir, "docker.pid"), { force: true });
  for (const name of netnsNames(place)) await must(["ip", "netns", "delete", name]);
  await run([...inHostNetns(place), "ip", "link", "delete", place.bridge]);
  await deleteIptables(inHostNetns(place), await iptablesLines(place));
  writeFileSync(join(place.dir, "state/networks", place.network), "another boot");
  writeFileSync(join(place.dir, "state/boot"), "another boot");
  for (const id of containerIds(place)) ageRecord(recordPath(host, id));
}

const ENGINE = /^\S*(dockerd|containerd|containerd-shim\S*|runc) |hooks\/poststop/;

async function containerPids(host: DockerHost): Promise<number[]> {
  const ids = (await host.ok("ps", "-q", "--no-trunc")).split("\n").filter(Boolean);
  const states = await Promise.all(ids.map((id) => host.inspect(id)));
  return states.map(({ State }) => State.Pid).filter((pid) => pid > 0);
}

async function unmountAll({ dir }: Place): Promise<void> {
  const points = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .flatMap((line) => line.split(" ")[4] ?? [])
    .filter((point) => point.startsWith(`${dir}/`));
  for (const point of points.toReversed()) await must(["umount", "-l", point]);
}

function ageRecord(file: string): void {
  try {
    const record: Json = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify({ ...record, bootId: "another boot" }));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}
