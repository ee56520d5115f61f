import { CniError } from "../cni/index.ts";
import type { Config } from "../config/config.ts";
import type { DockerContainer } from "../engine/docker-container.ts";
import { findEngineFile } from "../engine/container-dir.ts";
import { composeName, namesOf } from "../engine/hosts-file.ts";
import { UserError } from "../errors.ts";
import { netnsName } from "../netns/netns.ts";
import {
  hasUserNamespace,
  interfacesWithoutIpv6,
  mayChangeNetwork,
  type Spec,
} from "../oci/spec.ts";
import { mayHaveIpv6 } from "../sandbox/ipv6.ts";
import { attachNew, checkOrReattach, isIntact, recall } from "../sandbox/life.ts";
import { publishedPorts, type SandboxRecord } from "../sandbox/record.ts";
import { transition } from "../sandbox/release.ts";
import type { CreateCall } from "./args.ts";
import type { CreateContext } from "./create.ts";
import { pluginEnvironment } from "./environment.ts";
import { planAttachments } from "./plan.ts";
import type { AllottedPorts } from "./ports.ts";
import { loadNetworks, type Wish } from "./wish.ts";

/** What is known of the container whose network is planned. */
export interface Container {
  spec: Spec;
  docker: DockerContainer | undefined;
  /** What was asked of its network; a container that has it already is not asked again. */
  wish: () => Promise<Wish>;
}

/** The network that a container starts with. */
export interface NetworkStart {
  record: SandboxRecord;
  /** Whether the container had it before: then a failed start takes nothing away from it. */
  kept: boolean;
  /** Makes the namespace, where it is not there. */
  open: () => Promise<void>;
  /** Makes the network ready in it. */
  network: () => Promise<void>;
}

/** Decides between a new network, one that is still there, and one to be built again as it was. */
export async function planNetwork(
  context: CreateContext,
  call: CreateCall,
  container: Container,
): Promise<NetworkStart> {
  const kept = await recall(context, call.id, container.docker?.directory);
  const userns = hasUserNamespace(container.spec);
  if (kept === undefined) {
    const record = await newRecord(context, call, container);
    if (userns) return { record, kept: false, open: async () => {}, network: async () => {} };
    return {
      record,
      kept: false,
      open: () => context.netns.add(record.netns),
      network: () => attachNew(context, record),
    };
  }
  // They may have changed since: by another version of the engine, by docker rename, by a data root that was moved.
  const before = JSON.stringify(kept);
  kept.runtimeDir = context.runtime.stateDir(call);
  kept.environment = pluginEnvironment(context.env);
  Object.assign(kept, identity(call, container));
  if (JSON.stringify(kept) !== before) context.store.write(kept);
  context.store.clearStopped(call.id);
  await takePorts(context, kept);
  if (isIntact(context, kept) && !userns && kept.userns !== true) {
    if (mayChangeNetwork(container.spec)) {
      const { freshNetns, reattach } = await import("../sandbox/rebuild.ts");
      return {
        record: kept,
        kept: true,
        open: () => freshNetns(context, kept),
        network: () => reattach(context, kept),
      };
    }
    return {
      record: kept,
      kept: true,
      open: async () => {},
      network: async () => {
        await context.netns.endClosingConnections(kept.netns).catch((error: unknown) => {
          context.log.warn(
            { container: kept.id, step: "end connections", err: error },
            "connections of the time before the stop may stay",
          );
        });
        // The runtime switches IPv6 off again where the container wants none: CHECK finds what ADD left.
        if (mayHaveIpv6(kept)) {
          const { restoreIpv6 } = await import("../sandbox/restore-ipv6.ts");
          await restoreIpv6(context, kept, { asAdded: true });
        }
        await checkOrReattach(context, kept);
        if (kept.ports !== undefined) await publishAgain(context, kept);
      },
    };
  }
  const record = { ...kept, bootId: context.bootId, userns };
  const { dropNetns, reattach, replaceNetns } = await import("../sandbox/rebuild.ts");
  if (userns) {
    return { record, kept: true, open: () => dropNetns(context, record), network: async () => {} };
  }
  return {
    record,
    kept: true,
    open: () => replaceNetns(context, record),
    network: () => reattach(context, record),
  };
}

/** Takes back the ports that the stop gave back, or that may be another's since the boot. */
async function takePorts(context: CreateContext, kept: SandboxRecord): Promise<void> {
  if (publishedPorts(kept).length === 0) return;
  if (kept.ports === undefined && kept.bootId === context.bootId) return;
  try {
    if (kept.ports === "releasing" || kept.ports === "acquiring") {
      const { releaseOrLog } = await import("../sandbox/published.ts");
      await releaseOrLog(context, kept);
    }
    const { takePortsAgain } = await import("./ports.ts");
    await takePortsAgain(context, kept);
  } catch (error) {
    context.store.markStopped(kept.id);
    throw error;
  }
}

/** Publishes the ports of a network that is well otherwise; where that fails all of it is built again. */
async function publishAgain(context: CreateContext, kept: SandboxRecord): Promise<void> {
  const { acquirePorts } = await import("../sandbox/published.ts");
  try {
    await acquirePorts(context, kept);
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    context.log.warn({ container: kept.id, step: "ports", err: error }, "the network is rebuilt");
    const { reattach } = await import("../sandbox/rebuild.ts");
    await reattach(context, kept);
    transition(context, kept, "attached");
  }
}

/**
 * Remembers what is about to be made: from here on whatever crashes can be undone. It is not yet safe from a power cut,
 * which takes the namespace with it.
 */
async function newRecord(
  context: CreateContext,
  call: CreateCall,
  container: Container,
): Promise<SandboxRecord> {
  const { config, bootId, runtime } = context;
  const { docker } = container;
  const wish = await container.wish();
  const lists = await loadNetworks(wish, config.cniConfDir);
  const netns = netnsName(call.id);
  if (context.netns.exists(netns)) {
    throw new UserError(
      "NETNS_FAILED",
      `the network namespace ${netns} is there already, and is not docker-cni's`,
      {
        hint: `if nothing needs it, remove it: ip netns delete ${netns}`,
      },
    );
  }
  const name = docker?.name ?? wish.name;
  const service = composeName(wish.labels);
  const withPorts = (ports: AllottedPorts): SandboxRecord => ({
    version: 1,
    id: call.id,
    state: "creating",
    netns,
    bootId,
    createdAt: new Date().toISOString(),
    keep: docker !== undefined && !docker.autoRemove && mayKeep(config.keep, wish.keep),
    ...(hasUserNamespace(container.spec) && { userns: true }),
    ...identity(call, container, wish.name),
    ...(service && { service }),
    runtimeDir: runtime.stateDir(call),
    ...(ports.chosen.length > 0 && { chosenPorts: ports.chosen }),
    environment: pluginEnvironment(context.env),
    attachments: planAttachments({
      wish,
      lists,
      ports,
      docker,
      pluginDirs: config.cniBinDirs,
      workload: { id: call.id, name, labels: wish.labels },
      workloadArgs: config.workloadArgs,
    }),
  });
  const noted = (ports: AllottedPorts): SandboxRecord => {
    const record = withPorts(ports);
    context.store.write(record, { durable: false });
    return record;
  };
  const none = { all: [], byNetwork: [], chosen: [] };
  const asksForPorts = [wish, ...wish.networks].some(({ ports }) => ports.length > 0);
  if (!asksForPorts) return noted(none);
  // What cannot be met whatever the ports are is told before one of them is looked for.
  withPorts(none);
  const { withAllottedPorts } = await import("./ports.ts");
  return withAllottedPorts(context, call.id, wish, noted);
}

/** How the container is called, and the files of its own that its network shows in. */
function identity(
  { id }: CreateCall,
  { spec, docker }: Container,
  wishedName?: string,
): Pick<SandboxRecord, "name" | "names" | "files" | "containerDir" | "withoutIpv6"> {
  const name = docker?.name ?? wishedName;
  const { hostname = docker?.hostname } = spec;
  const hosts = findEngineFile(spec, id, "/etc/hosts");
  const resolvConf = findEngineFile(spec, id, "/etc/resolv.conf");
  const withoutIpv6 = interfacesWithoutIpv6(spec);
  return {
    ...(docker && { containerDir: docker.directory }),
    ...(name !== undefined && { name }),
    ...(withoutIpv6.length > 0 && { withoutIpv6 }),
    names: namesOf({ hostname, domainname: docker?.domainname, name }),
    files: {
      ...(hosts !== undefined && { hosts }),
      ...(resolvConf !== undefined && { resolvConf }),
    },
  };
}

function mayKeep(policy: Config["keep"], wish: boolean | undefined): boolean {
  return policy === "label" ? wish === true : policy === "always" && wish !== false;
}
