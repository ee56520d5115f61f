import { execFile } from "node:child_process";
import { parseNetworkList } from "../cni/index.ts";
import { isJsonObject } from "../lib/fields.ts";
import { textOf } from "../lib/texts.ts";
import type { SandboxRecord } from "../state/record.ts";

/** The text that `nft` prints for these arguments; undefined where it fails, null where it is not there. */
export type RunNft = (args: readonly string[]) => Promise<string | undefined | null>;

/** The table and chain of the plugins' masquerade by nftables (plugins 1.6), one for all networks. */
const CHAIN = ["inet", "cni_plugins_masquerade", "masq_checks"];

/**
 * Which network's masquerade by nftables a sandbox has lost, in words: CHECK of the plugins does not look for it. Undefined where none
 * is lost, or nft cannot tell.
 */
export async function lostMasquerade(
  { id, attachments }: Pick<SandboxRecord, "id" | "attachments">,
  run: RunNft = runNft,
): Promise<string | undefined> {
  const own = attachments.filter(({ list }) =>
    parseNetworkList(list).plugins.some(
      ({ ipMasq, ipMasqBackend }) => ipMasq === true && ipMasqBackend === "nftables",
    ),
  );
  if (own.length === 0) return undefined;
  const text = await run(["--json", "list", "chain", ...CHAIN]);
  if (text === null) return undefined;
  const comments = commentsIn(text);
  const lost = own.find(({ network, ifName, addresses }) => {
    const end = `, net: ${network}, if: ${ifName}, id: ${id}`;
    return addresses.length > 0 && !comments.some((comment) => comment.endsWith(end));
  });
  return lost && `the masquerade of ${lost.network} is gone from nftables`;
}

function commentsIn(text: string | undefined): string[] {
  const read: unknown = text === undefined ? undefined : JSON.parse(text);
  const objects = isJsonObject(read) ? read["nftables"] : undefined;
  if (!Array.isArray(objects)) return [];
  return objects
    .filter(isJsonObject)
    .flatMap(({ rule }) => (isJsonObject(rule) ? textOf(rule["comment"]) : []));
}

function runNft(args: readonly string[]): Promise<string | undefined | null> {
  return new Promise((resolve) => {
    execFile("nft", args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout) => {
      if (error === null) resolve(stdout);
      else resolve(error.code === "ENOENT" ? null : undefined);
    });
  });
}
