import { basename } from "node:path";
import {
  CniError,
  declaresCapability,
  parseNetworkList,
  type NetworkList,
  type Result,
  type RuntimeConf,
} from "../cni/index.ts";
import { isJsonObject, type JsonObject } from "../lib/fields.ts";
import { type IpWithPrefix, parseIpWithPrefix } from "../lib/ip.ts";
import { askForIps, type IpsConf, macOfAddress, rawListWithArgs } from "../request/runtime-conf.ts";
import type { SandboxContext } from "./context.ts";
import { addInOtherForms, type Form } from "./other-forms.ts";
import type { AttachmentRecord } from "../state/record.ts";
import {
  addressOf,
  askedIps,
  type Got,
  type Made,
  readGot,
  requireAsked,
} from "./require-asked.ts";

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
  const made = { list, attachment, conf: adding.conf, result };
  const got = await readGot(context, made);
  await requireAsked(context, made, got);
  noteOthers(context, adding, got);
  await announceAsked(context, made, got);
  if (got.mac === undefined) delete attachment.mac;
  else attachment.mac = got.mac;
  return result;
}

/**
 * Tells the neighbours of an address that may have been another's before, and at another MAC: one that was asked for, where
 * the MAC is neither the address's own nor the one that the attachment had with it.
 */
async function announceAsked(context: SandboxContext, made: Made, got: Got): Promise<void> {
  const { list, attachment, conf } = made;
  const isSame = attachment.mac?.toLowerCase() === got.mac?.toLowerCase();
  const kept = new Set(isSame ? attachment.addresses.map(addressOf) : []);
  const addresses = [...attachment.addresses, ...askedIps(list, attachment)].map(addressOf);
  const moved = [...new Set(addresses)].filter(
    (address) => !kept.has(address) && macOfAddress(address) !== got.mac,
  );
  const has = new Set(got.ips.map(addressOf));
  const own = moved.filter((address) => has.has(address));
  if (own.length === 0) return;
  const isDone = await context.netns.announce(basename(conf.netns), got.ifName, own);
  const fields = { container: conf.containerId, network: list.name, step: "announce" };
  context.log.debug(fields, `${own.join(", ")}: ${isDone ? "announced" : "not announced"}`);
}

async function add(context: SandboxContext, { mayDiffer, ...adding }: Adding): Promise<Result> {
  const form = asking(adding, { ips: "all", mac: true });
  try {
    return await context.cni.addNetworkList(...form);
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    const isNew = adding.attachment.addresses.length === 0;
    if (isNew && adding.attachment.mac !== undefined && REFUSES_MAC.test(error.msg)) {
      return addInOtherForms(context, { form, error }, [
        asking(adding, { ips: "all", mac: false }),
      ]);
    }
    if (!mayDiffer) throw error;
    const others = [
      asking(adding, { ips: "in args", mac: true }),
      asking(adding, { ips: "all", mac: false }),
      asking(adding, { ips: "none", mac: false }),
    ];
    return addInOtherForms(context, { form, error }, others);
  }
}

/** The words for a MAC that a plugin or the kernel does not take; that of a new attachment is ours. */
const REFUSES_MAC = /\bmac\b|hardware|hwaddr|link.?layer/i;

/** What the attachment had is asked for again, in the place of what was asked for at first. */
export function asking(
  { list, attachment, conf }: Omit<Adding, "mayDiffer">,
  wanted: { ips: "all" | "in args" | "none"; mac: boolean },
): Form {
  const addresses = attachment.addresses.flatMap((address) => parseIpWithPrefix(address) ?? []);
  const ips = formOfIps(list, addresses, wanted.ips);
  const cniArgs = new Map([
    ["IgnoreUnknown", "1"] as const,
    ...(conf.cniArgs ?? []),
    ...ips.cniArgs,
  ]);
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
