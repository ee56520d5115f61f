import type { Peer } from "./peer.ts";
import { type Check, fail, ok, type Outcome, type Proof } from "./proof.ts";
import { TEST_PREFIX } from "./names.ts";
import { readFirewall, readLeases, readNetnsNames, readTraces, type Traces } from "./traces.ts";

/** Kinds of interfaces that plugins share among containers and leave by design. */
const SHARED = new Set([
  "bridge",
  "vxlan",
  "ipip",
  "ip6tnl",
  "gre",
  "geneve",
  "wireguard",
  "dummy",
  "ifb",
]);

/** Whether plugins share interfaces of this kind, so that they outlive an attachment. */
export function isShared(kind = ""): boolean {
  return SHARED.has(kind);
}

/** The host's interfaces in the result of the peer's last ADD. */
export function hostLinks({ scratch, list }: Proof, { record }: Peer): string[] {
  return record.attachments.flatMap(({ ifName }) => {
    const result = scratch.cni.cachedResult(list, { containerId: record.id, ifName });
    return (result?.interfaces ?? []).flatMap(({ name, sandbox }) => (sandbox ? [] : name));
  });
}

/**
 * What DEL left behind: namespaces, interfaces, and whatever names one of the test's ids, addresses or chains. Containers may come and
 * go meanwhile: what is theirs is not counted.
 */
export const leaksCheck: Check = {
  name: "leaks",
  needs: ({ isStuck }) => (isStuck ? "del failed: what it left is not told apart" : undefined),
  run: async (proof) => compare(proof, proof.before, await readTraces()),
};

function compare(proof: Proof, before: Traces, after: Traces): Outcome {
  const prefix = prefixOf(proof);
  const tokens = tokensOf(proof);
  const isOurs = (line: string): boolean => tokens.some((token) => token.test(line));
  const created = [...after.links].filter(([name]) => !before.links.has(name));
  const named = proof.linksOfAdd;
  const left = [
    ...readNetnsNames(prefix).map((name) => `netns ${name}`),
    ...created
      .filter(([name, kind]) => named.has(name) && !isShared(kind))
      .map(([name]) => `link ${name}`),
    ...[...after.lines].filter((line) => !before.lines.has(line) && isOurs(line)),
    ...readLeases(proof.list, prefix).map((file) => `lease ${file}`),
    ...proof.scratch.cni
      .cachedAttachments()
      .filter(({ containerId }) => containerId.startsWith(prefix))
      .map(({ network }) => `cached result of ${network}`),
  ];
  if (left.length > 0) {
    const more = left.length > MOST ? `; and ${left.length - MOST} more` : "";
    return fail(
      `${left.slice(0, MOST).join("; ")}${more}`,
      "the plugin's DEL does not undo its ADD: remove what is left by hand, and tell its authors",
    );
  }
  const unknown = created.filter(([name]) => !named.has(name) && proof.linksSeen.has(name));
  if (unknown.length > 0) {
    const names = unknown.map(([name]) => name).join(", ");
    return { status: "note", detail: `came during the test, and is still there: ${names}` };
  }
  const stays = created.filter(([, kind]) => isShared(kind)).map(([name]) => name);
  return ok(stays.length === 0 ? "nothing is left" : `nothing is left; ${stays.join(", ")} stays`);
}

/** How many are named. */
const MOST = 5;

/** Looks while the peers are there for what is known only then: the chains of their rules, and the links that are new. */
export async function noteTraces(proof: Proof): Promise<void> {
  const prefix = prefixOf(proof);
  const { links } = await readTraces();
  for (const name of links.keys()) if (!proof.before.links.has(name)) proof.linksSeen.add(name);
  const jumps = (await readFirewall())
    .filter((line) => line.includes(prefix))
    .flatMap((line) => [...line.matchAll(/(?:-[jg]|jump|goto) (\S+)/g)].map(([, chain]) => chain));
  for (const chain of jumps) {
    if (chain !== undefined && /[0-9a-f]{8}/.test(chain)) proof.chainsSeen.add(chain);
  }
  for (const peer of proof.peers) {
    for (const name of hostLinks(proof, peer)) proof.linksOfAdd.add(name);
    for (const address of peer.record.attachments.flatMap(({ addresses }) => addresses)) {
      proof.addressesSeen.add(address.replace(/\/.*/, ""));
    }
  }
}

function prefixOf({ scratch }: Proof): string {
  return `${TEST_PREFIX}${scratch.run}`;
}

/** What a line of the test's own has in it, whole. */
function tokensOf(proof: Proof): RegExp[] {
  const words = [prefixOf(proof), ...proof.chainsSeen, ...proof.addressesSeen];
  return words.map((word) => {
    const literal = word.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return new RegExp(`(?<![\\w.:])${literal}(?![\\w:]|\\.\\d)`);
  });
}
