import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Place } from "./place.ts";

/** The repository's own folder. */
export const REPOSITORY = join(import.meta.dirname, "../../..");

export interface Runtime {
  path: string;
  runtimeArgs?: string[];
}

/** A plugin object or a network list as it stands in a file under /etc/cni/net.d. */
export type Json = Record<string, unknown>;
export type NetworkList = Json & { name: string; plugins: (Json & { type: string })[] };

/** docker-cni as a runtime of daemon.json, in the long form. */
export function dockerCniRuntime(place: Place, runcPath: string): Runtime {
  return {
    path: join(REPOSITORY, "bin/docker-cni"),
    runtimeArgs: ["--config", join(place.dir, "cni.yaml"), "--runtime-path", runcPath, "--"],
  };
}

/** cni.yaml: everything docker-cni reads or writes is in the host's own folder. */
export function cniConfig(place: Place): Json {
  return {
    cni_conf_dir: join(place.dir, "net.d"),
    cni_bin_dir: `${join(place.dir, "plugins")}:/opt/cni/bin:/usr/lib/cni`,
    cni_log: join(place.dir, "docker-cni.log"),
    log_level: "debug",
    state_dir: join(place.dir, "state"),
  };
}

/** One key a line; JSON values are YAML too. */
export function toYaml(config: Json): string {
  return Object.entries(config)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
    .join("");
}

/** The cni.yaml that docker-cni brings, in which these settings are in force in place of the comments that name them. */
export function shippedYaml(settings: Json): string {
  let text = readFileSync(join(REPOSITORY, "config/cni.yaml"), "utf8");
  for (const [key, value] of Object.entries(settings)) {
    const comment = new RegExp(`^#${key}:.*$`, "m");
    if (!comment.test(text)) throw new Error(`config/cni.yaml does not name ${key}`);
    text = text.replace(comment, () => `${key}: ${JSON.stringify(value)}`);
  }
  return text;
}

/** The network list that docker-cni brings, with the host's own name, bridge, addresses and folder for leases. */
export function defaultNetwork(place: Place): NetworkList {
  const folder = join(REPOSITORY, "config/net.d");
  const file = readdirSync(folder).find((name) => name.endsWith(".conflist"));
  if (file === undefined) throw new Error(`no network list in ${folder}`);
  const shipped: NetworkList = JSON.parse(readFileSync(join(folder, file), "utf8"));
  const own = { bridge: place.bridge, ipam: hostLocal(place) };
  const plugins = shipped.plugins.map((plugin) =>
    plugin.type === "bridge" ? Object.assign(plugin, own) : plugin,
  );
  return { ...shipped, name: place.network, plugins };
}

/** The `ipam` object of a plugin whose addresses are the host's own. */
export function hostLocal(place: Place): Json {
  return {
    type: "host-local",
    ranges: [[{ subnet: place.subnet }]],
    routes: [{ dst: "0.0.0.0/0" }],
    dataDir: join(place.dir, "leases"),
  };
}
