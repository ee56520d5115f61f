import { bridgeNameOf } from "../lib/bridge-name.ts";
import type { NetworkList } from "../cni/index.ts";
import { subnetsOf } from "../ipam/pools.ts";
import { rangeOf } from "../lib/ip-range.ts";
import { tableOf } from "../lib/iptables-save.ts";
import { broken, command, fine, type Finding, type Remedy } from "./finding.ts";
import type { Subject } from "./subject.ts";

const SWITCHES = [
  { family: 4, file: "/proc/sys/net/ipv4/ip_forward", key: "net.ipv4.ip_forward" },
  {
    family: 6,
    file: "/proc/sys/net/ipv6/conf/all/forwarding",
    key: "net.ipv6.conf.all.forwarding",
  },
] as const;

/** Whether the host forwards packets of the families that its networks have. The plugins switch it on with their first container. */
export async function ipForward({ host, networks, sandboxes }: Subject): Promise<Finding[]> {
  const routed = (await networks()).filter(isRouted);
  const running = (await sandboxes()).filter(({ state }) => state === "running");
  const used = new Set(
    running.flatMap(({ record }) => record.attachments.map((each) => each.network)),
  );
  return SWITCHES.flatMap(({ family, file, key }): Finding[] => {
    const title = `forwarding IPv${family}`;
    const names = routed
      .filter((list) => subnetsOf(list).some((subnet) => rangeOf(subnet)?.family === family))
      .map(({ name }) => name);
    const value = host.read(file)?.trim();
    if (names.length === 0 || value === undefined) return [];
    if (value !== "0") return [fine(title, "on")];
    const cut = names.filter((name) => used.has(name));
    if (cut.length === 0) return [fine(title, "off, until the first container")];
    const detail = `off: containers of ${cut.join(", ")} reach the host and no further`;
    return [broken(title, detail, command("sysctl", "-w", `${key}=1`))];
  });
}

/** Whether the policy of FORWARD drops what networks without the firewall plugin send. */
export async function forwardPolicy({ networks, iptables }: Subject): Promise<Finding[]> {
  const title = "forward policy";
  const filter = tableOf((await iptables("iptables")) ?? [], "filter");
  const policy = filter.find((line) => line.startsWith(":FORWARD "))?.split(" ")[1];
  if (policy === undefined) return [];
  if (policy === "ACCEPT") return [fine(title, policy)];
  const dropped = (await networks()).filter((list) => isRouted(list) && !isAccepted(list, filter));
  if (dropped.length === 0) return [fine(title, `${policy}; the networks have rules of their own`)];
  return dropped.map((list) => {
    const detail = `${policy}: it drops what containers of ${list.name} send beyond the host. Add the plugin "firewall" to ${list.file}, or accept its bridge`;
    return broken(title, detail, accept(bridgeOf(list), filter));
  });
}

/** Whether packets of a network go through the host's own routing. */
function isRouted({ plugins }: NetworkList): boolean {
  return plugins.some(
    ({ type, isGateway, isDefaultGateway, ipMasq }) =>
      type === "ptp" || (type === "bridge" && [isGateway, isDefaultGateway, ipMasq].includes(true)),
  );
}

function isAccepted(list: NetworkList, filter: readonly string[]): boolean {
  if (list.plugins.some(({ type }) => type === "firewall")) return true;
  const bridge = bridgeOf(list);
  return filter.some((line) => line.includes(` -i ${bridge} `) && line.endsWith("-j ACCEPT"));
}

/** The interface of the host by which containers of the network send; `veth+`: each has its own. */
function bridgeOf({ plugins }: NetworkList): string {
  const [bridge = "veth+"] = plugins.flatMap((plugin) => bridgeNameOf(plugin) ?? []);
  return bridge;
}

/** Docker keeps what an operator puts into DOCKER-USER. */
function accept(bridge: string, filter: readonly string[]): Remedy {
  const hasDockers = filter.some((line) => line.startsWith(":DOCKER-USER "));
  const chain = hasDockers ? "DOCKER-USER" : "FORWARD";
  return {
    steps: ["-i", "-o"].map((way) => ["iptables", "-I", chain, way, bridge, "-j", "ACCEPT"]),
  };
}
