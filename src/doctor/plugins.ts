import { join } from "node:path";
import { compareVersions, type NetworkList } from "../cni/index.ts";
import { isJsonObject } from "../lib/fields.ts";
import { broken, byHand, command, fine, type Finding, quoted } from "./finding.ts";
import type { Subject } from "./subject.ts";

/** Whether the plugins of each network are there, can be run, and speak its version. */
export async function pluginBinaries(subject: PluginSubject): Promise<Finding[]> {
  const uses = usesByType(await subject.networks());
  const found = await Promise.all(
    [...uses].map(([type, lists]) => pluginBinary(subject, type, lists)),
  );
  return found.flat();
}

type PluginSubject = Pick<Subject, "host" | "config" | "cni" | "networks">;

async function pluginBinary(
  { host, config, cni }: PluginSubject,
  type: string,
  lists: readonly NetworkList[],
): Promise<Finding[]> {
  const title = `plugin ${type}`;
  const names = lists.map(({ name }) => name).join(", ");
  const file = config.cniBinDirs
    .map((dir) => join(dir, type))
    .find((path) => host.stat(path)?.kind === "file");
  if (file === undefined) {
    const detail = `not in ${config.cniBinDirs.join(" or ")}; network ${names} needs it`;
    return [broken(title, detail, packageOf(type, config.cniBinDirs[0] ?? "/opt/cni/bin"))];
  }
  if (((host.stat(file)?.mode ?? 0) & 0o111) === 0) {
    return [broken(title, `${file} may not be executed`, command("chmod", "0755", file))];
  }
  let versions: string[];
  try {
    versions = (await cni.version(type)).supportedVersions;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return [broken(title, `it does not answer to VERSION: ${message}`, command("file", file))];
  }
  const unspoken = lists.filter(({ cniVersion }) => !versions.includes(cniVersion));
  if (unspoken.length === 0) {
    return [fine(title, `${file}, CNI ${versions.toSorted(compareVersions).at(-1)}`)];
  }
  return unspoken.map((list) => mismatch(title, list, versions));
}

/** A plugin that does not speak the version of its network. */
function mismatch(title: string, list: NetworkList, versions: readonly string[]): Finding {
  const highest = versions.toSorted(compareVersions).at(-1) ?? "0.1.0";
  const { name, cniVersion, file = "" } = list;
  const detail = `network ${name} is of CNI ${cniVersion}, and it speaks ${versions.join(", ")}`;
  const edit = `s/"cniVersion": *"${cniVersion.replaceAll(".", "\\.")}"/"cniVersion": "${highest}"/`;
  return broken(title, detail, command("sed", "-i", edit, file));
}

/** The networks that use each plugin, also as IPAM. */
function usesByType(lists: readonly NetworkList[]): Map<string, NetworkList[]> {
  const uses = new Map<string, NetworkList[]>();
  for (const list of lists) {
    const types = list.plugins.flatMap(({ type, ipam }) => {
      const own = isJsonObject(ipam) ? ipam["type"] : undefined;
      return typeof own === "string" && own !== "" ? [type, own] : [type];
    });
    for (const type of new Set(types)) uses.set(type, [...(uses.get(type) ?? []), list]);
  }
  return uses;
}

const REFERENCE_PLUGINS = new Set(
  "bandwidth bridge dhcp dummy firewall host-device host-local ipvlan loopback macvlan portmap ptp sbr static tap tuning vlan vrf".split(
    " ",
  ),
);

function packageOf(type: string, folder: string) {
  return REFERENCE_PLUGINS.has(type)
    ? command("apt-get", "install", "containernetworking-plugins")
    : byHand(`install -m 0755 ${quoted(type)} ${quoted(join(folder, type))}`);
}
