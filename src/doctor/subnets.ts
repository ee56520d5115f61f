import { bridgeNameOf } from "../lib/bridge-name.ts";
import type { NetworkList } from "../cni/index.ts";
import { freeSubnet } from "../ipam/free-subnet.ts";
import { poolsOf, subnetsOf } from "../ipam/pools.ts";
import { type IpRange, overlaps, rangeOf } from "../lib/ip-range.ts";
import { parseIp, parseIpWithPrefix } from "../lib/ip.ts";
import { broken, command, fine, type Finding, type Remedy } from "./finding.ts";
import type { HostRoute, Subject } from "./subject.ts";

/** Whether a network's addresses are the host's or another network's already. */
export async function subnetOverlap({
  networks,
  routes,
}: Pick<Subject, "networks" | "routes">): Promise<Finding[]> {
  const lists = await networks();
  const ways = (await routes()).filter(({ dst }) => dst !== "default");
  const findings = [
    ...lists.flatMap((list) => withRoutes(list, ways, lists)),
    ...withOthers(lists, ways),
  ];
  if (findings.length > 0 || lists.length === 0) return findings;
  const subnets = lists.flatMap(subnetsOf);
  return [fine("subnets", subnets.length === 0 ? "none in the files" : "no two overlap")];
}

function withRoutes(list: NetworkList, ways: readonly HostRoute[], all: readonly NetworkList[]) {
  const own = ownInterfaces(list);
  return subnetsOf(list).flatMap((subnet): Finding[] => {
    const range = rangeOf(subnet);
    const other = ways.find((way) => {
      const there = rangeOf(way.dst);
      if (range === undefined || there === undefined || own.has(way.dev)) return false;
      // A plugin such as ptp makes a route to each container.
      const isOne = there.first === there.last;
      return !isOne && overlaps(range, there) && !isOfNetwork(way, all);
    });
    if (other === undefined) return [];
    const detail = `${subnet} overlaps ${other.dst}, which the host reaches by ${other.dev}`;
    return [broken(`network ${list.name}`, detail, otherSubnet(list, subnet, ways))];
  });
}

/** The overlap with another network is told of by itself. */
function isOfNetwork({ dev }: HostRoute, lists: readonly NetworkList[]): boolean {
  return lists.some((list) => ownInterfaces(list).has(dev));
}

function withOthers(lists: readonly NetworkList[], ways: readonly HostRoute[]): Finding[] {
  return lists.flatMap((one, place) =>
    lists.slice(place + 1).flatMap((other): Finding[] => {
      const clash = poolsOf(one).find((pool) =>
        poolsOf(other).some((theirs) =>
          overlaps(reachOf(one, other, pool), reachOf(one, other, theirs)),
        ),
      );
      if (clash === undefined) return [];
      const detail = `its addresses of ${clash.subnet} are also those of network ${one.name}: both give them out`;
      const theirs = poolsOf(other).find(({ range }) => overlaps(range, clash.range));
      const remedy = otherSubnet(other, theirs?.subnet ?? clash.subnet, ways, lists);
      return [broken(`network ${other.name}`, detail, remedy)];
    }),
  );
}

/** On one bridge two networks may share a subnet, where they give out different parts of it. */
function reachOf(
  one: NetworkList,
  other: NetworkList,
  { range, subnet }: { range: IpRange; subnet: string },
): IpRange {
  const shared = [...ownInterfaces(one)].some((name) => ownInterfaces(other).has(name));
  return shared ? range : (rangeOf(subnet) ?? range);
}

/** The interfaces of the host that are the network's, or that it is on. */
function ownInterfaces({ plugins }: NetworkList): Set<string> {
  const named = plugins.flatMap((plugin) => [
    bridgeNameOf(plugin),
    plugin["master"],
    plugin["device"],
  ]);
  return new Set(named.filter((name) => typeof name === "string"));
}

/** The same file with a subnet of that length that nothing overlaps. */
function otherSubnet(
  list: NetworkList,
  subnet: string,
  ways: readonly HostRoute[],
  lists: readonly NetworkList[] = [],
): Remedy {
  const { file = "" } = list;
  const used = [...ways.map(({ dst }) => dst), ...[list, ...lists].flatMap(subnetsOf)];
  const length = parseIpWithPrefix(subnet)?.prefix ?? 24;
  const family = parseIp(subnet.replace(/\/.*/, ""))?.family ?? 6;
  const free = freeSubnet({ family, length }, used) ?? subnet;
  return command("sed", "-i", `s|"${subnet}"|"${free}"|`, file);
}
