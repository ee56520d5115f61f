import type { IpRange } from "../lib/ip-range.ts";
import { overlaps, rangeOf } from "../lib/ip-range.ts";
import { tableOf, wordsOf } from "../lib/iptables-save.ts";

/** The network whose rules are looked for. */
export interface RulesOwner {
  network: string;
  /** Its bridge, where that is nobody else's. */
  bridge: string | undefined;
  /** Its subnets, where they are nobody else's. */
  subnets: readonly string[];
}

/** How the reference plugins say in a rule whose it is. */
const OWNER = /name: \\?"([^"\\]+)\\?" id: /;
/** The chains that they make for one container on one network: of ipMasq, and of portmap. */
const OF_ONE = /^CNI-(?:DN-|SN-)?[0-9a-f]{20,24}$/;

/**
 * The arguments of iptables, one call after another, that remove what plugins have left of a network without containers: rules
 * with its name, those of the plugins' own chains for its bridge or addresses, and the chains of single containers. `lines` are those
 * of iptables-save(8).
 */
export function leftRules(lines: readonly string[], owner: RulesOwner): string[][] {
  return ["filter", "nat"].flatMap((table) => leftInTable(lines, table, owner));
}

function leftInTable(lines: readonly string[], table: string, owner: RulesOwner): string[][] {
  const rules = tableOf(lines, table).filter((line) => line.startsWith("-A "));
  const own = rules.filter((line) => isOf(line, owner));
  const targets = new Set(own.flatMap((line) => targetOf(line)));
  const chains = [...targets].filter((chain) => OF_ONE.test(chain));
  // What is in a chain that goes as a whole needs no removal of its own.
  const single = own.filter((line) => !chains.includes(wordsOf(line)[1] ?? ""));
  const call = ["-w", "-t", table];
  return [
    ...single.map((line) => call.concat("-D", wordsOf(line).slice(1))),
    ...chains.flatMap((chain) => [call.concat("-F", chain), call.concat("-X", chain)]),
  ];
}

function isOf(line: string, { network, bridge, subnets }: RulesOwner): boolean {
  if (OWNER.exec(line)?.[1] === network) return true;
  const words = wordsOf(line);
  const isPlugins = [words[1] ?? "", ...targetOf(line)].some((chain) => chain.startsWith("CNI-"));
  if (!isPlugins) return false;
  if (bridge !== undefined && ["-i", "-o"].some((option) => after(words, option) === bridge)) {
    return true;
  }
  const own = subnets.flatMap((subnet) => rangeOf(subnet) ?? []);
  return ["-s", "-d"].some((option) => isWithin(own, after(words, option)));
}

function targetOf(line: string): string[] {
  const target = after(wordsOf(line), "-j");
  return target === undefined ? [] : [target];
}

function after(words: readonly string[], option: string): string | undefined {
  const place = words.indexOf(option);
  return place === -1 ? undefined : words[place + 1];
}

function isWithin(own: readonly IpRange[], address: string | undefined): boolean {
  const range = address === undefined ? undefined : rangeOf(address);
  return range !== undefined && own.some((each) => isPartOf(range, each));
}

function isPartOf(range: IpRange, whole: IpRange): boolean {
  return overlaps(range, whole) && whole.first <= range.first && range.last <= whole.last;
}
