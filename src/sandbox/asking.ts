import {
  CniError,
  containerAddresses,
  declaresCapability,
  parseNetworkList,
  type NetworkList,
  type Result,
  type RuntimeConf,
} from "../cni/index.ts";
import { isJsonObject, type JsonObject } from "../engine/fields.ts";
import { type IpWithPrefix, parseIpWithPrefix } from "../engine/ip.ts";
import { askForIps, type IpsConf, rawListWithArgs } from "../engine/runtime-conf.ts";
import { UserError } from "../errors.ts";
import type { SandboxContext } from "./context.ts";
import { addInOtherForms, type Form } from "./other-forms.ts";
import type { AttachmentRecord } from "./record.ts";

/** An attachment that is to have a certain address or MAC. */
export interface Adding {
  list: NetworkList;
  attachment: AttachmentRecord;
  conf: RuntimeConf;
  /** Whether it may have others than before, where it cannot have the same. */
  mayDiffer: boolean;
}

/**
 * Runs CNI ADD for it. What it had before is asked for again; what the operator asked for has to come. Throws CNI_FAILED,
 * naming the network, when it does not.
 */
export async function addAsking(context: SandboxContext, adding: Adding): Promise<Result> {
  const { list, attachment } = adding;
  const result = await add(context, adding);
  const { ips, mac } = containerAddresses(result, attachment.ifName);
  requireWish(list, attachment, { ips, mac });
  noteOthers(context, adding, { ips, mac });
  return result;
}

async function add(context: SandboxContext, { mayDiffer, ...adding }: Adding): Promise<Result> {
  const form = asking(adding, { ips: "all", mac: true });
  try {
    return await context.cni.addNetworkList(...form);
  } catch (error) {
    if (!mayDiffer || !(error instanceof CniError)) throw error;
    const others = [
      asking(adding, { ips: "in args", mac: true }),
      asking(adding, { ips: "all", mac: false }),
      asking(adding, { ips: "none", mac: false }),
    ];
    return addInOtherForms(context, { form, error }, others);
  }
}

/** What the attachment had is asked for again, in the place of what was asked for at first. */
function asking(
  { list, attachment, conf }: Omit<Adding, "mayDiffer">,
  wanted: { ips: "all" | "in args" | "none"; mac: boolean },
): Form {
  const addresses = attachment.addresses.flatMap((address) => parseIpWithPrefix(address) ?? []);
  const ips = formOfIps(list, addresses, wanted.ips);
  const cniArgs = new Map([...(conf.cniArgs ?? []), ...ips.cniArgs]);
  const capabilityArgs = { ...conf.capabilityArgs, ...ips.capabilityArgs };
  const { mac } = attachment;
  if (wanted.mac && mac !== undefined) {
    if (declaresCapability(list, "mac")) capabilityArgs["mac"] = mac;
    else cniArgs.set("MAC", mac);
  }
  return [withArgs(list, ips.configArgs), { ...conf, cniArgs: [...cniArgs], capabilityArgs }];
}

function formOfIps(
  list: NetworkList,
  ips: readonly IpWithPrefix[],
  form: "all" | "in args" | "none",
): IpsConf {
  const isStatic = ipamsOf(list).some(({ type }) => type === "static");
  if (form === "none") return askForIps(list, []);
  if (isStatic) return inArgs(list, isConfigured(list, ips) ? [] : ips);
  if (form === "all") return askForIps(list, ips);
  const firsts = ([4, 6] as const).map((family) => ips.find((ip) => ip.family === family));
  return inArgs(
    list,
    firsts.filter((ip) => ip !== undefined),
  );
}

/** The static IPAM plugin adds an IP of CNI_ARGS to its own addresses; those of the other two ways take their place. */
function inArgs(list: NetworkList, ips: readonly IpWithPrefix[]): IpsConf {
  const conf = askForIps(list, []);
  if (ips.length === 0) return conf;
  const texts = ips.map(({ text, prefix }) => (prefix === undefined ? text : `${text}/${prefix}`));
  if (declaresCapability(list, "ips")) conf.capabilityArgs["ips"] = texts;
  else conf.configArgs["ips"] = texts;
  return conf;
}

/** Whether the network gives these addresses unasked, with their gateways. */
function isConfigured(list: NetworkList, ips: readonly IpWithPrefix[]): boolean {
  const own = ipamsOf(list).flatMap(({ addresses }) => {
    return Array.isArray(addresses)
      ? addresses.map((each: { address?: unknown }) => each.address)
      : [];
  });
  const texts = new Set(own);
  return ips.every(({ text, prefix }) => texts.has(`${text}/${prefix}`));
}

function ipamsOf({ plugins }: NetworkList): JsonObject[] {
  return plugins.map(({ ipam }): unknown => ipam).filter(isJsonObject);
}

interface Got {
  ips: readonly string[];
  mac: string | undefined;
}

/** Throws where a network did not give what the operator asked of it: some plugins ignore what they do not know. */
function requireWish(
  list: NetworkList,
  { cniArgs, capabilityArgs }: AttachmentRecord,
  got: Got,
): void {
  const args = new Map(cniArgs);
  const declared: unknown = capabilityArgs["ips"];
  const ips = [...(args.get("IP")?.split(",") ?? []), ...(Array.isArray(declared) ? declared : [])];
  const has = new Set(got.ips.map(addressOf));
  const missing = ips.map(String).find((ip) => !has.has(addressOf(ip)));
  if (missing !== undefined) {
    throw notGiven(list, `the address ${missing}`, got.ips.join(", ") || "none");
  }
  const mac = capabilityArgs["mac"] ?? args.get("MAC");
  if (typeof mac !== "string" || got.mac === undefined) return;
  if (mac.toLowerCase() !== got.mac.toLowerCase()) throw notGiven(list, `the MAC ${mac}`, got.mac);
}

function notGiven({ name }: NetworkList, asked: string, gave: string): UserError {
  return new UserError("CNI_FAILED", `network ${name} was asked for ${asked} and gave ${gave}`, {
    hint: "its plugins do not take it: ask for nothing, or choose another network",
  });
}

function addressOf(text: string): string {
  return parseIpWithPrefix(text.trim())?.text ?? text;
}

/** Says so, in the log and in the record, when an attachment that is built again is another than it was. */
function noteOthers(
  { log }: SandboxContext,
  { attachment, conf: { containerId: container } }: Adding,
  got: Got,
): void {
  const { network, addresses, mac } = attachment;
  const before = addresses.map(addressOf);
  const now = new Set(got.ips.map(addressOf));
  const isOther = before.some((address) => !now.has(address));
  if (isOther) attachment.formerAddresses = addresses;
  else delete attachment.formerAddresses;
  const hasOtherMac = addresses.length > 0 && mac !== undefined && mac !== got.mac;
  if (!isOther && !hasOtherMac) return;
  const was = [...addresses, mac ?? ""].join(" ");
  const is = [...got.ips, got.mac ?? ""].join(" ");
  log.warn({ container, step: "add" }, `network ${network} gave ${is} in the place of ${was}`);
}

function withArgs(list: NetworkList, args: Record<string, unknown>): NetworkList {
  return Object.keys(args).length === 0
    ? list
    : parseNetworkList(rawListWithArgs(list.raw, list.plugins, args));
}
