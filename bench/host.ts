import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { socketPath } from "../test/e2e/harness/cli.ts";
import { cniConfig, hostLocal, REPOSITORY, shippedYaml } from "../test/e2e/harness/config.ts";
import { startDockerHost, type DockerHost } from "../test/e2e/harness/host.ts";
import type { Place } from "../test/e2e/harness/place.ts";
import { must } from "../test/e2e/harness/shell.ts";
import { engineAt, type ContainerVariant, type Engine } from "./engine.ts";
import { strangerRecords } from "./strangers.ts";

export interface BenchHost {
  host: DockerHost;
  engine: Engine;
  runc: string;
  /** docker-cni's launcher, as registered. */
  launcher: string;
  /** How a container of each name is made. */
  variants: Record<string, ContainerVariant>;
}

/** Another runtime to measure, by `--against NAME=PATH`. */
export interface Rival {
  name: string;
  path: string;
}

const CNI_PATHS = ["/opt/cni/bin", "/usr/lib/cni"];
/** Sandboxes that the variant `crowded` finds in its state folder. */
export const CROWD = 1000;

/** Starts a Docker host of its own with every runtime of the bench, on a bridge network with host-local addresses. */
export async function startBenchHost(rivals: readonly Rival[]): Promise<BenchHost> {
  const runc = (await must(["sh", "-c", "command -v runc"])).trim();
  const host = await startDockerHost({
    // As many addresses as the network has.
    dockerBridge: ({ index }) => `10.210.${index}.1/24`,
    runtimes: (place) => ({
      cni: { path: installed(place, "cni", join(place.dir, "cni.yaml")) },
      bare: { path: runc },
      floor: { path: join(place.dir, "floor") },
      crowded: { path: installed(place, "crowded", join(place.dir, "crowded.yaml")) },
      ...Object.fromEntries(rivals.map(({ name, path }) => [name, { path }])),
    }),
  });
  host.writeConfig(shippedYaml({ ...cniConfig(host.place), log_level: "info" }));
  await furnish(host, runc);
  return {
    host,
    engine: engineAt(socketPath(host.place)),
    runc,
    launcher: join(host.place.dir, "cni/bin/docker-cni"),
    variants: variantsOf(rivals),
  };
}

/**
 * An installation of docker-cni whose configuration is `config` unless told: a runtime with arguments would have a sh of
 * dockerd's own in front of every call, as docs/registration.md says. Returns its launcher.
 */
function installed(place: Place, name: string, config: string): string {
  const dir = join(place.dir, name);
  for (const folder of ["bin", "hooks"]) {
    cpSync(join(REPOSITORY, folder), join(dir, folder), { recursive: true });
  }
  symlinkSync(join(REPOSITORY, "dist"), join(dir, "dist"));
  const launcher = join(dir, "bin/docker-cni");
  const script = readFileSync(launcher, "utf8");
  writeFileSync(launcher, script.replace("config=/etc/docker/cni.yaml", `config=${config}`));
  return launcher;
}

function variantsOf(rivals: readonly Rival[]): Record<string, ContainerVariant> {
  const names = ["bare", "cni", "floor", "crowded", ...rivals.map(({ name }) => name)];
  const entries = names.map((name): [string, ContainerVariant] => [
    name,
    { runtime: name, networkMode: "none" },
  ]);
  return { ...Object.fromEntries(entries), bridge: { runtime: "bare", networkMode: "bridge" } };
}

async function furnish({ place, writeNetwork }: DockerHost, runc: string): Promise<void> {
  const bridge = {
    type: "bridge",
    bridge: place.bridge,
    isGateway: true,
    // As many as a measure wants beside each other.
    ipam: { ...hostLocal(place), ranges: [[{ subnet: `10.209.${place.index}.0/24` }]] },
  };
  writeNetwork("10-default.conflist", {
    cniVersion: "1.0.0",
    name: place.network,
    plugins: [bridge],
  });
  const single = join(place.dir, "floor.json");
  writeFileSync(single, JSON.stringify({ cniVersion: "1.0.0", name: place.network, ...bridge }));
  const dirs = await Promise.all(
    CNI_PATHS.map((dir) => must(["sh", "-c", `[ -x ${dir}/bridge ] && echo ${dir} || true`])),
  );
  const path = dirs.map((dir) => dir.trim()).filter((dir) => dir !== "");
  const floor = join(REPOSITORY, "bench/floor");
  // dockerd is told of a runtime's arguments in sh code of its own; this says the same without it.
  writeFileSync(
    join(place.dir, "floor"),
    `#!/bin/sh\nexec ${floor} ${runc} ${single} ${path.join(":")} "$@"\n`,
    { mode: 0o755 },
  );
  const state = join(place.dir, "crowded");
  writeFileSync(
    join(place.dir, "crowded.yaml"),
    shippedYaml({ ...cniConfig(place), log_level: "info", state_dir: state }),
  );
  mkdirSync(join(state, "sandboxes"), { recursive: true, mode: 0o700 });
  strangerRecords(state, CROWD);
}
