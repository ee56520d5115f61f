import { createHash } from "node:crypto";
import { type Dirent, existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { RUNTIME_NOTES } from "../../../src/state/runtime-notes.ts";
import { isErrno } from "./errno.ts";
import { readIptables, type IptablesLine } from "./iptables.ts";
import type { Place } from "./place.ts";
import { listProcesses, type ProcessInfo } from "./processes.ts";
import { must } from "./shell.ts";

/** Folder where `ip netns` keeps its names. */
export const NETNS_DIR = "/run/netns";

/**
 * Prefix for a command that has to run where the host's network is: empty, or nsenter into the namespace of a
 * host that has one of its own. (`ip netns exec` would also give it another mount namespace, and names made
 * under /run/netns in there would be seen by nobody else.)
 */
export function inHostNetns(place: Place): string[] {
  return place.hostNetns === undefined ? [] : ["nsenter", `--net=${NETNS_DIR}/${place.hostNetns}`];
}

/** File with the id of every container the host ever had, one a line: what their leftovers are known by. */
export function idsFile(place: Place): string {
  return join(place.dir, "container-ids");
}

/** File with the names of the CNI networks the host ever had besides `place.network`, one a line. */
export function networksFile(place: Place): string {
  return join(place.dir, "networks");
}

/** File with the names of further bridges of the host's CNI networks, one a line. */
export function bridgesFile(place: Place): string {
  return join(place.dir, "bridges");
}

/** Bridges of the host: of its CNI networks, and Docker's own. */
export function bridgeNames(place: Place): string[] {
  return [place.bridge, place.dockerBridge, ...new Set(readLines(bridgesFile(place)))];
}

/** Ids of every container that the host has or had, and of what stands for one in `docker cni test`. */
export function containerIds(place: Place): string[] {
  const present = list(join(place.dir, "data/containers")).map((entry) => entry.name);
  const tests = list(join(place.dir, "state/test/sandboxes")).map((entry) => entry.name);
  return [...new Set([...readLines(idsFile(place)), ...present, ...tests])];
}

/** The lines of a file that are not empty; none when there is no such file. */
export function readLines(file: string): string[] {
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
}

/** The name under which docker-cni keeps the netns of a container. */
export function netnsName(id: string): string {
  return id.slice(0, 12);
}

/** Named network namespaces of the host's containers, or with `whole` of anybody. */
export function netnsNames(place: Place, whole = false): string[] {
  const own = new Set(containerIds(place).flatMap((id) => [id, netnsName(id)]));
  const names = list(NETNS_DIR).map((entry) => entry.name);
  return names.filter((name) => (whole ? name !== place.hostNetns : own.has(name)));
}

/** Mounts under /run/netns of the host's containers (a name may be mounted over twice), or of anybody. */
export function netnsMounts(place: Place, whole = false): string[] {
  const names = new Set(netnsNames(place, whole).map((name) => `${NETNS_DIR}/${name}`));
  return mountPoints().filter((point) =>
    whole
      ? point.startsWith(`${NETNS_DIR}/`) && point !== `${NETNS_DIR}/${place.hostNetns}`
      : names.has(point),
  );
}

/** Mount points of the machine in the order they were mounted. */
export function mountPoints(): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .flatMap((line) => line.split(" ")[4] ?? []);
}

/**
 * Links on the host's bridges, or with `whole` every link but those bridges, which stay by the plugin's design;
 * where the host has a namespace of its own, every bridge is one of them.
 */
export async function linkNames(place: Place, whole = false): Promise<string[]> {
  const bridges = new Set(bridgeNames(place));
  const json = await must([...inHostNetns(place), "ip", "-d", "-j", "link", "show"]);
  const links: LinkJson[] = JSON.parse(json);
  for (const { ifname, linkinfo } of links) {
    if (place.hostNetns !== undefined && linkinfo?.info_kind === "bridge") bridges.add(ifname);
  }
  return links
    .filter((link) => (whole ? !bridges.has(link.ifname) : bridges.has(link.master ?? "")))
    .map((link) => link.ifname);
}

/** One element of `ip -d -j link show`. */
interface LinkJson {
  ifname: string;
  master?: string;
  linkinfo?: { info_kind?: string };
}

/** Rules and chains of the host's containers, or with `whole` of anybody, but for the plugins' shared scaffold. */
export async function iptablesLines(place: Place, whole = false): Promise<IptablesLine[]> {
  const lines = (await readIptables(inHostNetns(place))).filter((line) => !line.scaffold);
  if (whole) return lines;
  const networks = [place.network, ...readLines(networksFile(place))];
  const tokens = [`${place.prefix}.`];
  for (const id of containerIds(place)) {
    tokens.push(id, ...networks.flatMap((network) => chainNames(network, id)));
  }
  return lines.filter((line) => tokens.some((token) => line.text.includes(token)));
}

/** Addresses that host-local holds, as `<network>/<address>`. */
export function leases(place: Place): string[] {
  return filesBelow(join(place.dir, "leases")).filter((file) => /\/[0-9a-f.:]+$/.test(file));
}

/** What docker-cni's state folder holds of containers: a folder each, with its files, and cached results. */
export function stateFiles(place: Place): string[] {
  const state = join(place.dir, "state");
  const sandboxes = list(join(state, "sandboxes")).map((entry) => `sandboxes/${entry.name}`);
  const files = ["sandboxes", "cni"].flatMap((folder) =>
    filesBelow(join(state, folder), `${folder}/`),
  );
  return [...new Set([...sandboxes, ...files])];
}

/** The notes of which runtime made the host's containers. */
export function runtimeNotes(place: Place): string[] {
  const below = `${place.dir}/`.replaceAll("/", ":");
  return list(RUNTIME_NOTES)
    .map((entry) => entry.name)
    .filter((name) => name.startsWith(below));
}

/** Running processes of docker-cni, its hook, its plugins and runc that work for a container of the host. */
export function ownProcesses(place: Place): ProcessInfo[] {
  const ids = containerIds(place);
  const words = [`${place.dir}/`, ...ids];
  return listProcesses().filter(
    ({ pid, command }) =>
      (/docker-cni|hooks\/poststop|^\S*runc /.test(command.replaceAll(`${place.dir}/`, "")) &&
        !/^\S*(dockerd|containerd\S*|docker) /.test(command) &&
        words.some((word) => command.includes(word))) ||
      isPluginOf(pid, ids),
  );
}

/** Names of the chains that the plugins make for one container: `CNI-`, a kind, and a hash, 28 characters together. */
function chainNames(network: string, id: string): string[] {
  const hash = createHash("sha512").update(`${network}${id}`).digest("hex");
  return ["CNI-", "CNI-DN-", "CNI-SN-"].map((kind) => `${kind}${hash}`.slice(0, 28));
}

function isPluginOf(pid: number, ids: string[]): boolean {
  try {
    const found = /(?:^|\0)CNI_CONTAINERID=([^\0]*)/.exec(
      readFileSync(`/proc/${pid}/environ`, "utf8"),
    );
    return found?.[1] !== undefined && ids.includes(found[1]);
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ESRCH") || isErrno(error, "EACCES"))
      return false;
    throw error;
  }
}

/** Files under a folder; what goes away while this looks is gone. */
function filesBelow(dir: string, prefix = ""): string[] {
  return list(dir).flatMap((entry) => {
    const name = `${prefix}${entry.name}`;
    return entry.isDirectory() ? filesBelow(join(dir, entry.name), `${name}/`) : name;
  });
}

/** The entries of a folder; none when there is no such folder. */
function list(dir: string): Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}
