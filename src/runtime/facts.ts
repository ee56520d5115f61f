import {
  CniError,
  loadDefaultNetworkList,
  loadNetworkList,
  type NetworkList,
  realPluginExec,
} from "../cni/index.ts";
import { netnsName } from "../netns/netns.ts";
import { findKeptSandbox } from "../sandbox/life.ts";
import { networkNow } from "../state/network-now.ts";
import type { Container, CreateContext, OwnNetwork } from "./create.ts";
import { pluginEnvironment } from "./environment.ts";
import { type NetworkRequest, readNetworkRequest } from "./network-request.ts";
import { planStart, type StartFacts, type StartPlan, type WantedNetwork } from "./plan.ts";

/**
 * Reads what the plan of a start needs, with the sandbox's lock held. Remains of an earlier network that are not worth keeping are
 * undone, and a record that cannot be read is recovered, unless `find` only looks. Throws what stands in the way of a new network.
 */
export async function readStartFacts(
  context: CreateContext,
  container: Container & OwnNetwork,
  find = findKeptSandbox,
): Promise<StartFacts> {
  const { call, bundle, docker, edit } = container;
  const found = await find(context, call.id, docker?.directory);
  const kept = found && { record: found, isIntact: networkNow(context, found) === "whole" };
  const facts = {
    id: call.id,
    spec: bundle.spec,
    docker,
    bootId: context.bootId,
    runtimeDir: context.runtime.stateDir(call),
    environment: pluginEnvironment(context.env),
    config: context.config,
  };
  // A container that has its network already is not asked again.
  const request = (): Promise<NetworkRequest> => readNetworkRequest({ ...context, ...facts });
  if (kept === undefined || edit === "labels") {
    const wanted = await readWanted(context, container.networkRequest ?? (await request()));
    if (kept === undefined) await requireNetnsFree(context, call.id);
    requirePlugins(wanted.lists, context.config.cniBinDirs);
    if (wanted.networkRequest.reserve === undefined) return { ...facts, kept, wanted };
    const { readClaim } = await import("./adoption.ts");
    const claim = await readClaim(context, facts, wanted);
    return { ...facts, kept, wanted: { ...wanted, ...(claim && { claim }) } };
  }
  return { ...facts, kept, otherPorts: edit === "ports" ? await request() : undefined };
}

/** The plan of a start, see `planStart`. */
export async function planOf(facts: StartFacts): Promise<StartPlan> {
  const claim = facts.wanted?.claim;
  if (facts.wanted === undefined || claim === undefined) return planStart(facts);
  const { planClaiming } = await import("./adoption.ts");
  return planClaiming(facts, claim);
}

async function readWanted(
  { config }: CreateContext,
  networkRequest: NetworkRequest,
): Promise<WantedNetwork> {
  const lists = await loadNetworks(networkRequest, config.cniConfDir);
  return { networkRequest, lists, at: new Date().toISOString() };
}

/** Loads the networks that were asked for, in their order; throws the network library's fault. */
async function loadNetworks(
  { defaultList, networks }: NetworkRequest,
  confDir: string,
): Promise<NetworkList[]> {
  if (defaultList !== undefined) return [defaultList];
  const lists = [];
  for (const { name } of networks) {
    const { list } = await (name === undefined
      ? loadDefaultNetworkList(confDir)
      : loadNetworkList(confDir, name));
    lists.push(list);
  }
  return lists;
}

async function requireNetnsFree({ netns, config }: CreateContext, id: string): Promise<void> {
  const name = netnsName(id);
  if (!netns.exists(name)) return;
  const { netnsTaken } = await import("./refusals.ts");
  throw netnsTaken({ netns: name, id, owner: netns.ownerOf(name), stateDir: config.stateDir });
}

/**
 * A plugin that is missing in the middle of a chain would fail DEL as it fails ADD: it is told before the first effect. Whether
 * an `ipam.type` is another binary, or the plugin's own, is for the plugin to say.
 */
export function requirePlugins(lists: readonly NetworkList[], pluginDirs: readonly string[]): void {
  const exec = realPluginExec();
  for (const list of lists) {
    for (const { type } of list.plugins) {
      if (exec.find(type, pluginDirs) !== undefined) continue;
      throw new CniError({
        kind: "not-found",
        msg: `there is no plugin binary "${type}"; searched ${pluginDirs.join(", ")}`,
        plugin: type,
        network: list.name,
        command: "ADD",
      });
    }
  }
}
