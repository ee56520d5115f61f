import { isOfPool, readLeases } from "../ipam/leases.ts";
import { poolsOf } from "../ipam/pools.ts";
import { shortId } from "../lib/short-id.ts";
import { broken, fine, type Finding, warning } from "./finding.ts";
import type { Subject } from "./subject.ts";

/** Where other runtimes of CNI keep what they know. */
export const OTHERS_CACHE = "/var/lib/cni/results";

/** Addresses that host-local has given to containers that there are not, and how full its pools are. */
export async function unownedLeases(subject: Subject): Promise<Finding[]> {
  const { host, networks, sandboxIds, engineContainers } = subject;
  const pools = (await networks()).flatMap((list) => poolsOf(list));
  // Read before those who own them: a container that is being made is known before it has an address.
  const leases = readLeases(host, pools);
  const known = new Set([...sandboxIds(), ...engineContainers().map(({ id }) => id)]);
  const others = host.list(OTHERS_CACHE).join("\n");
  // Without the engine's word a container may only be out of sight.
  const isEngineThere = (await subject.engineInfo()) !== undefined;
  const findings: Finding[] = [];
  for (const network of new Set(pools.map((pool) => pool.network))) {
    const unowned = leases
      .filter((lease) => lease.network === network)
      .filter(({ containerId }) => !known.has(containerId) && !others.includes(containerId));
    const ours = unowned.filter(({ containerId }) => isEngineThere && subject.wasOurs(containerId));
    const foreign = unowned.filter((lease) => !ours.includes(lease));
    if (ours.length > 0) {
      const some = ours.slice(0, 3).map((each) => `${each.address} (${shortId(each.containerId)})`);
      const more = ours.length > 3 ? ` and ${ours.length - 3} more` : "";
      const detail = `${some.join(", ")}${more}: of containers that are gone; nobody else gets them`;
      const steps = [["rm", "--", ...ours.map(({ file }) => file)]];
      findings.push(broken(`leases of ${network}`, detail, { steps, safe: "locked" }));
    }
    if (foreign.length > 0) {
      const some = foreign.slice(0, 3).map(({ address }) => address);
      const detail = `${foreign.length} of which docker-cni's log does not tell, such as ${some.join(", ")}: another runtime's, or left behind long ago`;
      findings.push(warning(`leases of ${network}`, detail));
    }
  }
  const full = pools.flatMap((pool) => {
    const used = leases.filter((lease) => isOfPool(lease, pool)).length;
    if (BigInt(used) * 100n < pool.size * 95n) return [];
    const detail = `${used} of ${pool.size} addresses of ${pool.subnet} are given out`;
    return [warning(`addresses of ${pool.network}`, detail)];
  });
  if (findings.length + full.length > 0 || pools.length === 0) return [...findings, ...full];
  return [fine("leases", `${leases.length}, each with its container`)];
}
