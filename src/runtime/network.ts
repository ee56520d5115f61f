import { CniError } from "../cni/index.ts";
import type { DockerContainer } from "../engine/docker-container.ts";
import { askedOf } from "../request/asked.ts";
import { hasUserNamespace, mayChangeNetwork, type Spec } from "../oci/spec.ts";
import { mayHaveIpv6 } from "../sandbox/ipv6.ts";
import { attachNew, checkOrReattach, findKeptSandbox } from "../sandbox/life.ts";
import { publishedPorts, type SandboxRecord } from "../state/record.ts";
import { networkNow } from "../state/network-now.ts";
import { transition } from "../state/transitions.ts";
import type { CreateCall } from "./args.ts";
import type { CreateContext } from "./create.ts";
import type { Edit } from "./edit.ts";
import { pluginEnvironment } from "./environment.ts";
import { identity, newRecord } from "./new-record.ts";
import type { NetworkRequest } from "./network-request.ts";

/** What is known of the container whose network is planned. */
export interface Container {
  spec: Spec;
  docker: DockerContainer | undefined;
  /** What of Docker's own files was edited since its network was made. */
  edit: Edit | undefined;
  /** What was asked of its network; a container that has it already is not asked again. */
  networkRequest: () => Promise<NetworkRequest>;
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
  const userns = hasUserNamespace(container.spec);
  const found = await findKeptSandbox(context, call.id, container.docker?.directory);
  const { edit } = container;
  const kept = found && edit === "labels" ? await makeAnew(context, call, container, found) : found;
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
  if (kept.asked === undefined && container.docker !== undefined) {
    kept.asked = askedOf(container.docker);
  }
  kept.runtimeDir = context.runtime.stateDir(call);
  kept.environment = pluginEnvironment(context.env);
  Object.assign(kept, identity(call, container));
  if (JSON.stringify(kept) !== before) context.store.write(kept);
  context.store.clearStopped(call.id);
  await takePorts(context, kept, edit === "ports" ? container : undefined);
  if (networkNow(context, kept) === "whole" && !userns && kept.userns !== true) {
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

/**
 * Takes back the ports that the stop gave back, or that may be another's since the boot; those that are asked for now, where Docker's
 * files were `edited`.
 */
async function takePorts(
  context: CreateContext,
  kept: SandboxRecord,
  edited: Container | undefined,
): Promise<void> {
  if (edited === undefined) {
    if (publishedPorts(kept).length === 0) return;
    if (kept.ports === undefined && kept.bootId === context.bootId) {
      const { heldTwice } = await import("../sandbox/held-twice.ts");
      const reason = heldTwice(kept);
      if (reason !== undefined) context.log.warn({ container: kept.id, step: "ports" }, reason);
      return;
    }
  }
  try {
    if (kept.ports !== "released") {
      const { releaseOrLog } = await import("../sandbox/published.ts");
      await releaseOrLog(context, kept);
    }
    const { takeOtherPorts, takePortsAgain } = await import("./retake.ts");
    if (edited?.docker === undefined) await takePortsAgain(context, kept);
    else await takeOtherPorts(context, kept, await edited.networkRequest(), askedOf(edited.docker));
  } catch (error) {
    context.store.markStopped(kept.id);
    throw error;
  }
}

/**
 * Undoes a kept network whose labels were edited, and plans what is asked for now; what is asked of a network as before keeps
 * its addresses. What cannot be met is thrown before anything is undone.
 */
async function makeAnew(
  context: CreateContext,
  call: CreateCall,
  container: Container,
  kept: SandboxRecord,
): Promise<SandboxRecord> {
  const { carryOver, undoForEdit } = await import("../sandbox/edited.ts");
  const change = {
    prepare: () => undoForEdit(context, kept),
    adjust: (record: SandboxRecord) => carryOver(kept, record),
  };
  return newRecord(context, call, container, change);
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
    transition(context.store, kept, "attached");
  }
}
