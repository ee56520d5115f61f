import { rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { NetworkList } from "../cni/index.ts";
import type { Host } from "../doctor/host.ts";
import type { Subject } from "../doctor/subject.ts";
import { poolsOf, subnetsOf } from "../ipam/pools.ts";
import { ifThere } from "../lib/errors.ts";
import { overlaps, rangeOf } from "../lib/ip-range.ts";
import { parseIp } from "../lib/ip.ts";
import { leftNftRules } from "../networks/left-nft-rules.ts";
import { leftRules } from "../networks/left-rules.ts";
import { closeHostAccess } from "./host-access.ts";
import { mustRun } from "./must-run.ts";
import { ownBridge } from "./network-in-use.ts";

interface Around {
  host: Host;
  /** The other networks. */
  others: readonly NetworkList[];
  network: Pick<Subject, "links" | "iptables">;
}

/** Removes what is there of a network without containers: rules, the bridge, leases, the file. Throws CNI_FAILED. */
export async function removeTraces(
  list: NetworkList,
  { host, others, network }: Around,
): Promise<void> {
  const bridge = ownBridge(list, others);
  const must = (argv: readonly string[]): Promise<void> =>
    mustRun(host, argv, {
      what: `removing the network ${list.name}`,
      hint: `put that right, then again: docker-cni network rm ${list.name}`,
    });
  const subnets = subnetsOf(list).filter((subnet) => !isOthers(subnet, others));
  for (const family of ["iptables", "ip6tables"] as const) {
    const lines = (await network.iptables(family)) ?? [];
    for (const argv of leftRules(lines, { network: list.name, bridge, subnets })) {
      await must([family, ...argv]);
    }
  }
  const nft = await host.run(["nft", "--json", "--handle", "list", "ruleset"]);
  // A container's rules of portmap name no network: what is DNATed to an address that the network alone has is its own.
  for (const argv of leftNftRules(nft.code === 0 ? nft.stdout : "", {
    network: list.name,
    subnets,
  })) {
    await must(argv);
  }
  if (bridge !== undefined && (await network.links()).some(({ ifname }) => ifname === bridge)) {
    await must(["ip", "link", "delete", bridge, "type", "bridge"]);
  }
  await closeHostAccess(host, list);
  for (const folder of new Set(poolsOf(list).map(({ leaseDir }) => leaseDir))) {
    removeLeases(host, folder);
  }
  rmSync(list.file ?? "", { force: true });
}

function isOthers(subnet: string, others: readonly NetworkList[]): boolean {
  const range = rangeOf(subnet);
  return others.some((other) =>
    subnetsOf(other).some((theirs) => {
      const there = rangeOf(theirs);
      return range !== undefined && there !== undefined && overlaps(range, there);
    }),
  );
}

/** What host-local writes there, and nothing else. */
function removeLeases(host: Host, folder: string): void {
  for (const name of host.list(folder)) {
    const isAddress = parseIp(name.replaceAll("_", ":")) !== undefined;
    if (isAddress || /^(last_reserved_ip\.\d+|lock)$/.test(name)) {
      rmSync(join(folder, name), { force: true });
    }
  }
  ifThere(() => rmdirSync(folder), ["ENOENT", "ENOTEMPTY"]);
}
