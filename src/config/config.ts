import path from "node:path";
import { DEFAULT_LOG_FILE, type LogLevel } from "../lib/log.ts";
import type { NamesBy } from "../lib/network-mark.ts";
import { parseDuration } from "./duration.ts";
import { idleKeys, logLevelNames, splitPathList, type RawConfig } from "./schema.ts";

/** cni.yaml with every default in its place: paths absolute and without a final slash, times in milliseconds. */
export interface Config {
  cniConfDir: string;
  /** Where plugins are looked for, in this order; at least one. */
  cniBinDirs: string[];
  /** Interface of the first network in the container. */
  ifName: string;
  logFile: string;
  logLevel: LogLevel;
  stateDir: string;
  /** How long one plugin call may take. */
  pluginTimeoutMs: number;
  /** How long to wait for another operation on the same container, or for gc. */
  lockTimeoutMs: number;
  /** Whether a stopped container keeps its netns and addresses; `label`: the container's `cni.keep` says. */
  keep: "always" | "never" | "label";
  /** How long after its stop a container keeps them; undefined: until it is removed. */
  keepForMs: number | undefined;
  /** How long after its stop a kept container gives up its namespace until its start; undefined: only where a bridge is full. */
  parkAfterMs: number | undefined;
  /** How long a network waits for the next container of its name; undefined: until it is released. */
  reserveForMs: number | undefined;
  /** Which containers get a network; `labelled`: those alone that name one by a label or an annotation. */
  attach: "always" | "labelled";
  /** What to do with labels of which it is unknown whether they come from the image. */
  imageLabels: "ignore" | "allow";
  /** Whether the environment variables IPV4 and IPPOOL may ask for an address. */
  envAddresses: boolean;
  /** What plugins are told of the container in CNI_ARGS: `id`, `name`, `label:KEY`. */
  workloadArgs: string[];
  /** How containers on a network find each other by name, where the network's file does not say. */
  names: NamesBy;
  /** Where the files of the name server are, for the time of a boot. */
  dnsDir: string;
  /** What the operator should know of the file though it is no error; for the log. */
  warnings: string[];
}

const STATE_DIR = "/var/lib/docker-cni";

/** The settings that `raw`, a checked cni.yaml, stands for. */
export function resolveConfig(raw: RawConfig): Config {
  const logDriver = raw.log_driver?.slice("file://".length);
  const stateDir = path.resolve(raw.state_dir ?? STATE_DIR);
  return {
    cniConfDir: path.resolve(raw.cni_conf_dir ?? "/etc/cni/net.d"),
    cniBinDirs: splitPathList(raw.cni_bin_dir ?? defaultBinDirs(process.execPath)).map((dir) =>
      path.resolve(dir),
    ),
    ifName: raw.cni_ifname ?? "eth0",
    logFile: path.resolve(logDriver ?? raw.cni_log ?? DEFAULT_LOG_FILE),
    logLevel: logLevelNames.get(raw.log_level?.toLowerCase() ?? "") ?? "info",
    stateDir,
    pluginTimeoutMs: parseDuration(raw.plugin_timeout ?? "") ?? 60_000,
    lockTimeoutMs: parseDuration(raw.lock_timeout ?? "") ?? 120_000,
    keep: raw.keep ?? (raw.fixed_ip === false ? "never" : "always"),
    keepForMs: parseDuration(raw.keep_for ?? ""),
    parkAfterMs: parseDuration(raw.park_after ?? "24h"),
    reserveForMs: parseDuration(raw.reserve_for ?? ""),
    attach: raw.attach ?? "always",
    imageLabels: raw.image_labels ?? "ignore",
    envAddresses: raw.env_addresses ?? false,
    workloadArgs: raw.workload_args ?? [],
    names: raw.names ?? (raw.hosts === false ? "off" : "hosts"),
    dnsDir: stateDir === STATE_DIR ? "/run/docker-cni/dns" : `${stateDir}/dns`,
    warnings: warningsOf(raw),
  };
}

/** The default of `cni_bin_dir`: last in it, of the installed program, is the folder in which that is a plugin itself. */
export function defaultBinDirs(program: string): string {
  const dirs = "/opt/cni/bin:/usr/lib/cni";
  const isOwn = path.basename(program) === "docker-cni" && !program.includes(":");
  return isOwn ? `${dirs}:${path.resolve(path.dirname(program), "../cni")}` : dirs;
}

function warningsOf(raw: RawConfig): string[] {
  const warnings: string[] = [];
  for (const [key, why] of Object.entries(idleKeys)) {
    if (Object.hasOwn(raw, key)) warnings.push(`${key} has no effect: ${why}`);
  }
  return warnings;
}
