import type { Place } from "./place.ts";
import {
  iptablesLines,
  leases,
  linkNames,
  netnsMounts,
  netnsNames,
  ownProcesses,
  runtimeNotes,
  stateFiles,
} from "./traces.ts";

/** What exists at one moment: a title like `netns 0123456789ab` for each thing. */
export type Snapshot = ReadonlySet<string>;

/**
 * Everything there is that a container of this host may leave behind. Others may work on the same machine at the same
 * time, so only what bears the host's own bridges, addresses or container ids counts; with the environment variable
 * DOCKER_CNI_E2E_STRICT=1 all of the machine's netns, links and iptables rules do.
 */
export async function snapshot(place: Place): Promise<Snapshot> {
  const strict = process.env.DOCKER_CNI_E2E_STRICT === "1";
  const wholeNetwork = strict || place.hostNetns !== undefined;
  const [links, rules] = await Promise.all([
    linkNames(place, wholeNetwork),
    iptablesLines(place, wholeNetwork),
  ]);
  return new Set([
    ...netnsNames(place, strict).map((name) => `netns ${name}`),
    ...count(netnsMounts(place, strict)).map((mount) => `mount ${mount}`),
    ...links.map((name) => `link ${name}`),
    ...count(rules.map((line) => `${line.family} ${line.table} ${line.text}`)),
    ...leases(place).map((lease) => `lease ${lease}`),
    ...stateFiles(place).map((file) => `state file ${file}`),
    ...runtimeNotes(place).map((name) => `runtime note ${name}`),
    ...ownProcesses(place).map(({ pid, command }) => `process ${pid} ${command}`),
  ]);
}

/**
 * Waits up to five seconds (a removal may go on in the background for a moment) until there is nothing that was not
 * there `before`; else rejects and names it.
 */
export async function expectNoLeaks(place: Place, before: Snapshot): Promise<void> {
  const end = Date.now() + 5000;
  for (;;) {
    const leaked = [...(await snapshot(place))].filter((title) => !before.has(title));
    if (leaked.length === 0) return;
    if (Date.now() > end) {
      throw new Error(`left behind:\n${leaked.map((title) => `  ${title}`).join("\n")}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Tells equal titles apart by numbering them, so that a second copy of a rule counts. */
function count(titles: string[]): string[] {
  const seen = new Map<string, number>();
  return titles.map((title) => {
    const times = (seen.get(title) ?? 0) + 1;
    seen.set(title, times);
    return times === 1 ? title : `${title} (copy ${times})`;
  });
}
