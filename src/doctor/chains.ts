import { createHash } from "node:crypto";
import { tableOf, wordsOf } from "../lib/iptables-save.ts";
import { shortId } from "../lib/short-id.ts";
import type { SandboxView } from "../sandbox/view.ts";
import { broken, fine, type Finding, warning } from "./finding.ts";
import { cniIdOf } from "../state/record.ts";
import type { Subject } from "./subject.ts";

const FAMILIES = ["iptables", "ip6tables"] as const;
/** The chains that the reference plugins make for one container on one network: of ipMasq, and of portmap. */
const OF_ONE = /^:(CNI-(?:DN-|SN-)?[0-9a-f]{20,24}) /;
/** How a plugin says in a rule whose it is. */
const OWNER = /name: \\?"([^"\\]+)\\?" id: \\?"([^"\\]+)\\?"/;

/** Chains of iptables that were made for containers that there are not. */
export async function unownedChains(subject: Subject): Promise<Finding[]> {
  const title = "chains";
  // Without the engine's word a container may only be out of sight.
  const isEngineThere = (await subject.engineInfo()) !== undefined;
  const findings: Finding[] = [];
  let count = 0;
  for (const family of FAMILIES) {
    const nat = tableOf((await subject.iptables(family)) ?? [], "nat");
    const chains = nat.flatMap((line) => OF_ONE.exec(line)?.[1] ?? []);
    // Read after the rules: a container that is being made is known before it has any.
    const ids = new Set([
      ...subject.sandboxIds(),
      ...subject.engineContainers().map(({ id }) => id),
    ]);
    const known = new Set(chainNames(await subject.sandboxes()));
    count += chains.length;
    for (const chain of chains) {
      const rules = nat.filter((line) => line.startsWith("-A ") && line.split(" ").includes(chain));
      const id = rules.flatMap((line) => OWNER.exec(line)?.[2] ?? [])[0];
      if (known.has(chain) || (id !== undefined && ids.has(id))) continue;
      const isOurs = id !== undefined && subject.wasOurs(id) && isEngineThere;
      findings.push(unowned(family, { chain, id, rules, isOurs }));
    }
  }
  if (findings.length > 0) return findings;
  return [fine(title, count === 0 ? "none" : `${count}, each with its container`)];
}

interface Unowned {
  chain: string;
  id: string | undefined;
  rules: readonly string[];
  /** The log tells of the container. */
  isOurs: boolean;
}

function unowned(family: string, { chain, id, rules, isOurs }: Unowned): Finding {
  const title = `chain ${chain}`;
  const whose =
    id === undefined ? "nothing tells whose it was" : `it was of ${shortId(id)}, which is gone`;
  const jumps = rules.filter((line) => !line.startsWith(`-A ${chain} `));
  const steps = [
    ...jumps.map((line) => [family, "-w", "-t", "nat", "-D"].concat(wordsOf(line).slice(1))),
    [family, "-w", "-t", "nat", "-F", chain],
    [family, "-w", "-t", "nat", "-X", chain],
  ];
  const detail = `${family}, table nat: ${whose}`;
  return isOurs
    ? broken(title, detail, { steps, safe: "locked" })
    : warning(
        title,
        `${detail}; docker-cni's log does not tell of it: it may be another runtime's`,
      );
}

/** The names of the chains of known attachments, as the reference plugins make them of network and container. */
function chainNames(views: readonly SandboxView[]): string[] {
  return views.flatMap(({ record }) =>
    record.attachments.flatMap(({ network }) => {
      const hash = createHash("sha512")
        .update(`${network}${cniIdOf(record)}`)
        .digest("hex");
      return [
        `CNI-${hash.slice(0, 24)}`,
        `CNI-DN-${hash.slice(0, 21)}`,
        `CNI-SN-${hash.slice(0, 21)}`,
      ];
    }),
  );
}
