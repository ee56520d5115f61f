import {
  type CniError,
  containerAddresses,
  parseNetworkList,
  type Result,
  type RuntimeConf,
} from "../cni/index.ts";
import { netnsPath } from "../netns/netns.ts";
import type { Adding } from "./asking.ts";
import type { SandboxContext } from "./context.ts";
import type { RouteOffer } from "./default-route.ts";
import type { DefaultRoutes } from "./several-networks.ts";
import { isWithoutIpv6 } from "./ipv6.ts";
import { type AttachmentRecord, cniIdOf, type SandboxRecord } from "../state/record.ts";

/**
 * Runs CNI ADD for the sandbox's attachments, one after another, and notes in each what it was given; then sees
 * to the default routes. Attachments that had addresses before ask for
 * the same ones; a network that refuses is asked in other forms, at last without, where that is allowed by `mayDiffer`. On a
 * failure those made so far stay: the caller undoes them.
 */
export async function attachAll(
  context: SandboxContext,
  record: SandboxRecord,
  { mayDiffer = false } = {},
): Promise<void> {
  const offers: RouteOffer[] = [];
  const own = withEnvironment(context, record);
  const several = record.attachments.length > 1 ? await routesOf(context, record) : undefined;
  for (const [place, attachment] of record.attachments.entries()) {
    const list = parseNetworkList(attachment.list);
    const conf = withoutReleased(record, runtimeConfOf(record, attachment));
    const result = await add(own, { list, attachment, conf, mayDiffer });
    const { ips, mac, gateways, routes } = containerAddresses(result, attachment.ifName);
    attachment.addresses = ips;
    if (mac !== undefined) attachment.mac = mac;
    const { ifName, defaultRoute } = attachment;
    const seen = (await several?.take(place === record.attachments.length - 1)) ?? [];
    offers.push({ ifName, defaultRoute, gateways, routes, seen });
  }
  if (several !== undefined) return several.settle(offers);
  // The only network keeps its own default route, unless it was told which.
  if (offers.every(({ defaultRoute }) => defaultRoute === undefined)) return;
  const { chooseDefaultRoutes } = await import("./default-route.ts");
  for (const route of chooseDefaultRoutes(offers)) {
    if ("text" in route) continue;
    await context.netns.setDefaultRoute(record.netns, route.gateway, route.ifName);
  }
}

/** Ports that are others' to take are not published with the rest. */
function withoutReleased({ ports }: SandboxRecord, conf: RuntimeConf): RuntimeConf {
  if (ports !== "released" && ports !== "releasing") return conf;
  const { portMappings: _, ...capabilityArgs } = { ...conf.capabilityArgs };
  return { ...conf, capabilityArgs };
}

async function routesOf(context: SandboxContext, record: SandboxRecord): Promise<DefaultRoutes> {
  const { defaultRoutes } = await import("./several-networks.ts");
  return defaultRoutes(context, record.netns);
}

/** Most containers ask for nothing and have nothing yet: the rest is loaded when it is needed. */
async function add(context: SandboxContext, adding: Adding): Promise<Result> {
  if (!isAsked(adding.attachment)) return context.cni.addNetworkList(adding.list, adding.conf);
  const { addAsking } = await import("./asking.ts");
  return addAsking(context, adding);
}

/** Whether an attachment is to have a certain address, MAC or interface, its own of before or the operator's. */
export function isAsked(attachment: AttachmentRecord): boolean {
  const { addresses, lost, mac, ifNameAsked, list, cniArgs, capabilityArgs } = attachment;
  const keys = [...cniArgs.map(([key]) => key), ...Object.keys(capabilityArgs)];
  return (
    addresses.length > 0 ||
    lost !== undefined ||
    mac !== undefined ||
    ifNameAsked === true ||
    // In args.cni of a plugin, if not somewhere else.
    list.includes('"args"') ||
    keys.some((key) => ["IP", "MAC", "ips", "mac"].includes(key))
  );
}

/**
 * Runs CNI CHECK for the sandbox's attachments; rejects with the first fault. Where one could not be checked and all that could
 * are well, the sandbox counts as well as long as its interfaces are there: its plugins' agent may be away. Gives the reason.
 */
export async function checkAll(
  context: SandboxContext,
  record: SandboxRecord,
): Promise<string | undefined> {
  let unchecked: CniError | undefined;
  const { cni } = withEnvironment(context, record);
  for (const attachment of record.attachments) {
    try {
      await cni.checkNetworkList(
        parseNetworkList(attachment.list),
        runtimeConfOf(record, attachment),
        {
          ignore: (fault) => isFalseAlarm(fault, record, attachment),
          ...(record.ports !== undefined && { without: "portMappings" }),
        },
      );
    } catch (error) {
      const { couldNotCheck } = await import("./unchecked.ts");
      if (!couldNotCheck(error)) throw error;
      unchecked ??= error;
    }
  }
  if (unchecked === undefined) return undefined;
  const { standUnchecked } = await import("./unchecked.ts");
  return standUnchecked(context, record, unchecked);
}

/**
 * An error that is the plugin's own; portmap up to 1.1 misses the IPv6 rules of a container that has no IPv6 address and so no
 * such rules. Others miss the IPv6 addresses and routes that the container itself has switched off.
 */
function isFalseAlarm(
  fault: CniError,
  record: SandboxRecord,
  { addresses, falseFaults, ifName }: AttachmentRecord,
): boolean {
  const { plugin, msg } = fault;
  if (falseFaults?.includes(faultKey(fault))) return true;
  if (isWithoutIpv6(record, ifName) && msg.includes("::")) return true;
  const hasIpv6 = addresses.some((address) => address.includes(":"));
  return plugin === "portmap" && msg.startsWith("could not check ipv6 dnat") && !hasIpv6;
}

/** What stays the same of an error of CHECK when a network is built again: names of interfaces and numbers may not. */
export function faultKey({ plugin = "", msg }: CniError): string {
  return `${plugin}: ${msg.replaceAll(/\b(veth|cali|lxc)?[0-9a-f]{6,}\b/g, "…")}`;
}

/**
 * Runs CNI DEL for the sandbox's attachments in reverse order; the cached configuration, arguments and result of the
 * last ADD are what the plugins get. All are tried; then the first error is thrown. `signal` ends the waiting for plugins.
 */
export async function detachAll(
  context: SandboxContext,
  record: SandboxRecord,
  signal?: AbortSignal,
): Promise<void> {
  const faults: unknown[] = [];
  const { cni } = withEnvironment(context, record);
  for (const attachment of record.attachments.toReversed()) {
    try {
      await cni.delNetworkList(
        parseNetworkList(attachment.list),
        runtimeConfOf(record, attachment),
        {
          keepGoing: true,
          knownResult: knownResult(record, attachment),
          ...(signal && { signal }),
        },
      );
    } catch (error) {
      faults.push(error);
    }
  }
  if (faults.length > 0) throw faults[0];
}

/** The context with plugins that have the environment of the container's start, whoever calls them. */
export function withEnvironment(
  context: SandboxContext,
  { environment }: SandboxRecord,
): SandboxContext {
  if (environment === undefined) return context;
  const { cni } = context;
  const env = environment;
  return {
    ...context,
    cni: {
      ...cni,
      addNetworkList: (list, rt, options) => cni.addNetworkList(list, rt, { env, ...options }),
      checkNetworkList: (list, rt, options) => cni.checkNetworkList(list, rt, { env, ...options }),
      delNetworkList: (list, rt, options) => cni.delNetworkList(list, rt, { env, ...options }),
      addCapability: (list, rt, name, options) =>
        cni.addCapability(list, rt, name, { env, ...options }),
      delCapability: (list, rt, name, options) =>
        cni.delCapability(list, rt, name, { env, ...options }),
    },
  };
}

/** The result of ADD as far as the record has it: a plugin that is given none may leave its rules behind. */
function knownResult({ netns }: SandboxRecord, attachment: AttachmentRecord): Result | undefined {
  const { ifName: name, mac, addresses } = attachment;
  if (addresses.length === 0) return undefined;
  return {
    cniVersion: "1.0.0",
    interfaces: [{ name, ...(mac !== undefined && { mac }), sandbox: netnsPath(netns) }],
    ips: addresses.map((address) => ({ address, interface: 0 })),
  };
}

/** What CNI is told of one attachment of the sandbox beside its network list. */
export function runtimeConfOf(record: SandboxRecord, attachment: AttachmentRecord): RuntimeConf {
  return {
    containerId: cniIdOf(record),
    netns: netnsPath(record.netns),
    ifName: attachment.ifName,
    cniArgs: attachment.cniArgs,
    capabilityArgs: attachment.capabilityArgs,
  };
}
