import { type Config, resolveConfig } from "../config/config.ts";
import type { Preview } from "../runtime/preview.ts";
import { collectSources } from "../request/request.ts";
import type { Spec } from "../oci/spec.ts";
import { publishedPorts } from "../state/record.ts";
import { formatPort } from "./container-json.ts";

/** A value that a network is made with, and who asked for it. */
export interface PlannedValue {
  value: string;
  is: string;
  from: string;
}

/** Where each value came from: a label or an annotation, a flag of Docker's, the network that was kept, cni.yaml, or a default. */
export function plannedValues(preview: Preview, spec: Spec, config: Config): PlannedValue[] {
  return [
    ...askedByKeys(preview, spec),
    ...askedByFlags(preview),
    ...ofNetworks(preview, config),
    ...ofConfig(config),
  ];
}

/** Labels and annotations that count. */
function askedByKeys({ docker, networkRequest }: Preview, spec: Spec): PlannedValue[] {
  if (networkRequest === undefined) return [];
  const annotations = { ...spec.annotations, ...docker?.annotations };
  const sources = collectSources({ annotations, labels: networkRequest.labels });
  return [...sources].map(([key, { flag, value }]) => ({
    value: key,
    is: value,
    from: flag.split(" ")[0] ?? flag,
  }));
}

function askedByFlags({ docker, networkRequest }: Preview): PlannedValue[] {
  if (docker === undefined || networkRequest === undefined) return [];
  const { ips, macAddress, aliases, dns, dnsSearch, autoRemove } = docker;
  const bindings = docker.portBindings.map(({ port, hostIp, hostPort }) =>
    [hostIp, hostPort, port].filter((part) => part !== "").join(":"),
  );
  const flags: [string, readonly string[]][] = [
    ["--ip", ips],
    ["--mac-address", macAddress === undefined ? [] : [macAddress]],
    ["--network-alias", aliases],
    ["-p", bindings],
    ["-P", docker.publishAllPorts ? docker.exposedPorts : []],
    ["--dns", dns],
    ["--dns-search", dnsSearch],
    ["--rm", autoRemove ? ["true"] : []],
  ];
  return flags
    .filter(([, values]) => values.length > 0)
    .map(([flag, values]) => ({
      value: NAMES[flag] ?? flag,
      is: values.join(", "),
      from: `docker run ${flag}`,
    }));
}

const NAMES: Record<string, string> = {
  "--ip": "addresses",
  "--mac-address": "MAC",
  "--network-alias": "aliases",
  "-p": "ports",
  "-P": "ports",
  "--dns": "DNS servers",
  "--dns-search": "DNS search",
  "--rm": "removed when it stops",
};

/** What each attachment has, by the plan. */
function ofNetworks({ plan, networkRequest }: Preview, config: Config): PlannedValue[] {
  if (plan === undefined) return [];
  const values: PlannedValue[] = [];
  const kept = plan.before === undefined ? undefined : "kept";
  const tell = (value: string, is: string, from: string): void => {
    values.push({ value, is, from: kept ?? from });
  };
  for (const [place, attachment] of plan.record.attachments.entries()) {
    const { network, ifName, ifNameAsked, addresses, mac } = attachment;
    const isDefault = networkRequest?.defaultList !== undefined;
    if (isDefault || kept !== undefined) tell("network", network, `first in ${config.cniConfDir}`);
    const ownName = place === 0 ? fromOf("ifName", config) : "by its place";
    tell(`interface on ${network}`, ifName, ifNameAsked === true ? "asked for" : ownName);
    for (const address of addresses) tell(`address on ${network}`, address, "kept");
    if (mac !== undefined) tell(`MAC on ${network}`, mac, "of the address");
  }
  const chosen = new Set(plan.record.chosenPorts?.map(({ hostPort }) => hostPort));
  for (const port of publishedPorts(plan.record)) {
    tell("port", formatPort(port), chosen.has(port.hostPort) ? "free now" : "asked for");
  }
  return values;
}

const KEYS = {
  cniConfDir: "cni_conf_dir",
  cniBinDirs: "cni_bin_dir",
  ifName: "cni_ifname",
  pluginTimeoutMs: "plugin_timeout",
  keep: "keep",
  attach: "attach",
  imageLabels: "image_labels",
  envAddresses: "env_addresses",
  workloadArgs: "workload_args",
  names: "names",
  stateDir: "state_dir",
} as const satisfies Partial<Record<keyof Config, string>>;

function ofConfig(config: Config): PlannedValue[] {
  return keysOf(KEYS).map((key) => {
    const value = config[key];
    const words = Array.isArray(value) ? value.join(":") || "(none)" : String(value);
    const is = key === "pluginTimeoutMs" ? `${config.pluginTimeoutMs} ms` : words;
    return { value: KEYS[key], is, from: fromOf(key, config) };
  });
}

function keysOf<T extends object>(object: T): (keyof T)[] {
  const keys: (keyof T)[] = [];
  for (const key in object) keys.push(key);
  return keys;
}

/** What says the same as the default is told as the default. */
function fromOf(key: keyof typeof KEYS, config: Config): string {
  const standard = resolveConfig({})[key];
  return JSON.stringify(standard) === JSON.stringify(config[key]) ? "default" : "cni.yaml";
}
