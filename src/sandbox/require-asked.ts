import { basename } from "node:path";
import {
  containerAddresses,
  type NetworkList,
  type Result,
  type RuntimeConf,
} from "../cni/index.ts";
import { isJsonObject } from "../lib/fields.ts";
import { parseIpWithPrefix } from "../lib/ip.ts";
import { UserError } from "../lib/errors.ts";
import type { SandboxContext } from "./context.ts";
import type { AttachmentRecord } from "../state/record.ts";

/** An attachment that ADD made, as it was asked for. */
export interface Made {
  list: NetworkList;
  attachment: AttachmentRecord;
  conf: RuntimeConf;
  result: Result;
}

/** What an attachment has, by its result and, where that does not tell, by its interface. */
export interface Got {
  ifName: string;
  /** "address/length" */
  ips: readonly string[];
  mac: string | undefined;
}

/** Reads what ADD gave; the interface is looked at only for an address or a MAC that is wanted and that the result does not tell. */
export async function readGot(context: SandboxContext, made: Made): Promise<Got> {
  const { result, attachment, list, conf } = made;
  const { ips, mac, ifName = attachment.ifName } = containerAddresses(result, attachment.ifName);
  const isTold =
    (mac !== undefined || !wantsMac(attachment)) &&
    (ips.length > 0 || askedIps(list, attachment).length === 0);
  if (isTold) return { ifName, ips, mac };
  const { interfaces } = await context.netns.show(basename(conf.netns));
  const seen = interfaces.find(({ name }) => name === ifName);
  return {
    ifName,
    ips: ips.length > 0 ? ips : (seen?.addresses ?? []),
    mac: mac ?? seen?.mac ?? undefined,
  };
}

/**
 * Throws CNI_FAILED where a network did not give what the operator asked of it: some plugins ignore what they do not know. Names the
 * network and what it gave.
 */
export async function requireAsked(context: SandboxContext, made: Made, got: Got): Promise<void> {
  const { list, attachment, conf } = made;
  const has = new Set(got.ips.map(addressOf));
  const missing = askedIps(list, attachment).find((ip) => !has.has(addressOf(ip)));
  if (missing !== undefined) {
    throw notGiven(list, `the address ${missing}`, got.ips.join(", ") || "none");
  }
  const mac = askedMac(attachment);
  if (mac !== undefined && mac.toLowerCase() !== got.mac?.toLowerCase()) {
    throw notGiven(list, `the MAC ${mac}`, got.mac ?? "none that is known");
  }
  const { ifName, ifNameAsked } = attachment;
  if (ifNameAsked !== true || got.ifName === ifName) return;
  if (await context.netns.hasLink(basename(conf.netns), ifName)) return;
  throw notGiven(list, `the interface ${ifName}`, got.ifName);
}

/** The addresses that the operator asked for, by any of the three ways in which a network is asked. */
export function askedIps(
  { plugins }: NetworkList,
  { cniArgs, capabilityArgs }: AttachmentRecord,
): string[] {
  const inArgs = new Map(cniArgs).get("IP")?.split(",") ?? [];
  const inConfig = plugins.flatMap(({ args }): unknown => {
    const cni = isJsonObject(args) ? args["cni"] : undefined;
    return isJsonObject(cni) ? cni["ips"] : [];
  });
  const all: unknown[] = [inArgs, capabilityArgs["ips"], inConfig].flatMap((each) => each ?? []);
  return [...new Set(all.filter((ip) => typeof ip === "string"))];
}

function askedMac({ cniArgs, capabilityArgs }: AttachmentRecord): string | undefined {
  const mac = capabilityArgs["mac"] ?? new Map(cniArgs).get("MAC");
  return typeof mac === "string" ? mac : undefined;
}

function wantsMac(attachment: AttachmentRecord): boolean {
  return attachment.mac !== undefined || askedMac(attachment) !== undefined;
}

/** The address alone, in its one spelling. */
export function addressOf(text: string): string {
  return parseIpWithPrefix(text.trim())?.text ?? text;
}

function notGiven({ name }: NetworkList, asked: string, gave: string): UserError {
  return new UserError("CNI_FAILED", `network ${name} was asked for ${asked} and gave ${gave}`, {
    hint: "its plugins do not take it: ask for nothing, or choose another network",
  });
}
