import type { NetworkList, PluginConfig } from "../cni/index.ts";
import { isJsonObject } from "../lib/fields.ts";
import { textOf } from "../lib/texts.ts";
import { broken, byHand, command, fine, type Finding, quoted, warning } from "./finding.ts";
import { type Host, runJson } from "./host.ts";
import type { Subject } from "./subject.ts";

type Needs = Pick<Subject, "host" | "networks">;

/** What networks over several hosts need of this one: the files of flannel and calico, a session of BGP, etcd. */
export async function fabricNeeds({ host, networks }: Needs): Promise<Finding[]> {
  const found = await Promise.all(
    (await networks()).map(async (list): Promise<Finding[]> => {
      const [plugin] = list.plugins;
      if (plugin === undefined) return [];
      if (plugin.type === "flannel") return [flannelFile(host, list, plugin)];
      if (plugin.type === "calico") {
        return [calicoFile(host, list, plugin), await etcd(host, list, plugin)];
      }
      return [];
    }),
  );
  return [...found.flat(), ...(await bgpSessions({ host, networks }))];
}

/** Whether this host has a neighbor for the networks whose ways BGP tells. */
async function bgpSessions({ host, networks }: Needs): Promise<Finding[]> {
  const names = (await networks())
    .filter((list) => isRouted(list) || isOnVxlan(host, list))
    .map(({ name }) => name);
  if (names.length === 0) return [];
  const title = `BGP of ${names.join(", ")}`;
  const sessions = (await birdSessions(host)) ?? (await frrSessions(host));
  if (sessions === undefined) {
    const detail =
      "neither BIRD nor FRR answers: no other host knows where this one's addresses are";
    return [broken(title, detail, byHand("systemctl restart bird, or frr: see docs/networks"))];
  }
  const up = sessions.filter((session) => session.isUp).length;
  const down = sessions.filter((session) => !session.isUp).map(({ name }) => name);
  if (up > 0 && down.length === 0) return [fine(title, `${up} sessions established`)];
  const detail = `${up} of ${sessions.length} sessions established; not: ${down.join(", ") || "any"}`;
  const remedy = byHand("birdc show protocols all, or vtysh -c 'show bgp summary'");
  return [up > 0 ? warning(title, detail, remedy) : broken(title, detail, remedy)];
}

interface Session {
  name: string;
  isUp: boolean;
}

async function birdSessions(host: Host): Promise<Session[] | undefined> {
  const { code, stdout } = await host.run(["birdc", "show", "protocols"]);
  if (code !== 0) return undefined;
  const lines = stdout.split("\n").map((line) => line.trim().split(/\s+/));
  return lines
    .filter(([, kind]) => kind === "BGP")
    .map(([name = "", ...words]) => ({ name, isUp: words.includes("Established") }));
}

async function frrSessions(host: Host): Promise<Session[] | undefined> {
  const families = await runJson(host, ["vtysh", "-c", "show bgp summary json"]);
  if (!isJsonObject(families)) return undefined;
  const peers = new Map<string, boolean>();
  for (const family of Object.values(families).filter(isJsonObject)) {
    const each = isJsonObject(family["peers"]) ? Object.entries(family["peers"]) : [];
    for (const [name, peer] of each) {
      peers.set(name, isJsonObject(peer) && peer["state"] === "Established");
    }
  }
  return [...peers].map(([name, isUp]) => ({ name, isUp }));
}

/** As `network create --driver routed` writes it. */
export function isRouted({ plugins: [plugin] }: NetworkList): boolean {
  return plugin?.type === "ptp" && plugin["ipMasq"] === false;
}

/** Whether a port of the network's bridge is a VXLAN without learning of its own: someone tells it who is where. */
function isOnVxlan(host: Host, { plugins: [plugin] }: NetworkList): boolean {
  if (plugin?.type !== "bridge" || plugin["ipMasq"] !== false) return false;
  const bridge = textOf(plugin["bridge"]);
  if (!/^[\w.-]+$/.test(bridge)) return false;
  return host
    .list(`/sys/class/net/${bridge}/brif`)
    .some((port) => /^DEVTYPE=vxlan$/m.test(host.read(`/sys/class/net/${port}/uevent`) ?? ""));
}

function flannelFile(host: Host, { name }: NetworkList, plugin: PluginConfig): Finding {
  const title = `flannel of ${name}`;
  const file = textOf(plugin["subnetFile"]) || "/run/flannel/subnet.env";
  const subnet = /^FLANNEL_SUBNET=(\S+)$/m.exec(host.read(file) ?? "")?.[1];
  if (subnet !== undefined) return fine(title, `${subnet} in ${file}`);
  const detail = `${file} has no FLANNEL_SUBNET: flanneld writes it when it has reached its store, and no container can start before`;
  return broken(title, detail, command("systemctl", "restart", "flanneld"));
}

function calicoFile(host: Host, { name }: NetworkList, plugin: PluginConfig): Finding {
  const title = `calico of ${name}`;
  const given = textOf(plugin["nodename"]);
  const file = textOf(plugin["nodename_file"]) || "/var/lib/calico/nodename";
  const node = given || (host.read(file) ?? "").trim();
  if (node !== "") return fine(title, `this node is ${node}`);
  const detail = `${file} has no name of this node, by which its addresses are kept`;
  return broken(title, detail, byHand(`hostname > ${quoted(file)}`));
}

async function etcd(host: Host, { name }: NetworkList, plugin: PluginConfig): Promise<Finding> {
  const title = `etcd of ${name}`;
  const endpoints = textOf(plugin["etcd_endpoints"]).split(",").filter(isUrl);
  if (endpoints.length === 0) {
    const detail = "etcd_endpoints is not set, or no address of http or https";
    return broken(title, detail, byHand("add etcd_endpoints: http://192.0.2.10:2379"));
  }
  const silent: string[] = [];
  for (const endpoint of endpoints) {
    const url = `${endpoint.replace(/\/$/, "")}/health`;
    // What speaks TLS is asked for an answer, not for trust: keys are the plugin's own matter.
    const { code, stderr } = await host.run(["curl", "-ksSf", "--max-time", "3", url]);
    if (code === undefined) return warning(title, "curl is not there to ask it");
    if (code !== 0) silent.push(`${endpoint}: ${stderr.trim()}`);
  }
  if (silent.length === 0) return fine(title, endpoints.join(", "));
  const detail = `no answer of ${silent.join("; ")}. No new container can start while none answers`;
  const remedy = byHand("see on the host of etcd: systemctl status etcd");
  return silent.length === endpoints.length
    ? broken(title, detail, remedy)
    : warning(title, detail, remedy);
}

function isUrl(text: string): boolean {
  return /^https?:\/\/[^\s/]+\/?$/.test(text);
}
