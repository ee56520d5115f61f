import { isJsonObject, type JsonObject } from "../lib/fields.ts";
import { overlaps, rangeOf } from "../lib/ip-range.ts";
import { textOf } from "../lib/texts.ts";

/** The tables that the plugins' nftables backends keep: of ipMasq, and of portmap (plugins 1.6). */
const TABLES: ReadonlySet<string> = new Set(["cni_plugins_masquerade", "cni_hostport"]);

export interface NftOwner {
  network: string;
  /** Its subnets, where they are nobody else's. */
  subnets: readonly string[];
}

/**
 * The calls of nft(8), one after another, that remove what the plugins' nftables backends have left of a network without containers:
 * rules with its name, and those for its addresses. `ruleset` is the text of `nft --json --handle list ruleset` (libnftables-json(5)).
 * Tables and chains stay: they are all networks'.
 */
export function leftNftRules(ruleset: string, owner: NftOwner): string[][] {
  return pluginRules(ruleset)
    .filter((rule) => isOf(rule, owner))
    .map(({ family, table, chain, handle }) =>
      ["nft", "delete", "rule"].concat(
        [family, table, chain].map(textOf),
        "handle",
        String(Number(handle)),
      ),
    );
}

/** The rules in the plugins' tables; none where the text is not what nft prints. */
function pluginRules(ruleset: string): JsonObject[] {
  if (ruleset === "") return [];
  const read: unknown = JSON.parse(ruleset);
  const objects = isJsonObject(read) ? read["nftables"] : undefined;
  if (!Array.isArray(objects)) return [];
  return objects
    .filter(isJsonObject)
    .map(({ rule }) => rule)
    .filter(isJsonObject)
    .filter(({ table }) => TABLES.has(textOf(table)));
}

function isOf({ comment, expr }: JsonObject, { network, subnets }: NftOwner): boolean {
  // Of ipMasq: "HASH-HASH, net: NETWORK, if: INTERFACE, id: CONTAINER".
  const named = /, net: (.*), if: [^,]*, id: /.exec(textOf(comment))?.[1];
  if (named !== undefined) return named === network;
  const own = subnets.flatMap((subnet) => rangeOf(subnet) ?? []);
  return addressesIn(expr).some((address) => {
    const range = rangeOf(address);
    return range !== undefined && own.some((each) => overlaps(range, each));
  });
}

/** All words in a rule that may be addresses. */
function addressesIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap(addressesIn);
  return isJsonObject(value) ? Object.values(value).flatMap(addressesIn) : [];
}
