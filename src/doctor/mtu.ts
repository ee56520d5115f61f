import type { NetworkList } from "../cni/index.ts";
import { command, fine, type Finding, type Remedy, warning } from "./finding.ts";
import type { HostLink, Subject } from "./subject.ts";

/** What a bridge or a pair of interfaces has unless its file says otherwise. */
const DEFAULT_MTU = 1500;

/** Whether a network's packets are larger than the way out of the host takes. */
export async function mtuAgainstUplink({
  networks,
  links,
  routes,
}: Pick<Subject, "networks" | "links" | "routes">): Promise<Finding[]> {
  const uplink = await findUplink({ links, routes });
  if (uplink === undefined || uplink.mtu === 0) return [];
  const found = (await networks()).flatMap((list) => tooLarge(list, uplink));
  return found.length > 0 ? found : [fine("MTU", `${uplink.mtu} of the uplink ${uplink.ifname}`)];
}

/** The interface that the host's default route leads out of; undefined where there is none. */
export async function findUplink({
  links,
  routes,
}: Pick<Subject, "links" | "routes">): Promise<HostLink | undefined> {
  const name = (await routes()).find(({ dst }) => dst === "default")?.dev;
  return (await links()).find(({ ifname }) => ifname === name);
}

function tooLarge(list: NetworkList, { ifname, mtu: limit }: HostLink): Finding[] {
  const plugin = list.plugins.find(({ type }) => type === "bridge" || type === "ptp");
  if (plugin === undefined) return [];
  const { mtu: own } = plugin;
  const isSet = typeof own === "number" && own > 0;
  const mtu = isSet ? own : DEFAULT_MTU;
  if (mtu <= limit) return [];
  const detail = `its MTU is ${mtu}, and that of the uplink ${ifname} ${limit}: large packets are fragmented, or lost`;
  return [warning(`network ${list.name}`, detail, smaller(list, plugin.type, isSet, limit))];
}

function smaller({ file = "" }: NetworkList, type: string, isSet: boolean, mtu: number): Remedy {
  const edit = isSet ? `s/"mtu": *[0-9]+/"mtu": ${mtu}/` : `s/"type": *"${type}"/&, "mtu": ${mtu}/`;
  return command("sed", "-i", "-E", edit, file);
}
