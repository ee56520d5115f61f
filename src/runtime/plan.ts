import type { NetworkList } from "../cni/index.ts";
import type { Config } from "../config/config.ts";
import type { DockerContainer } from "../engine/docker-container.ts";
import { hasUserNamespace, mayChangeNetwork, type Spec } from "../oci/spec.ts";
import { type Asked, askedOf } from "../request/asked.ts";
import { publishedPorts, type SandboxRecord } from "../state/record.ts";
import { type AttachmentsOptions, currentIdentity, newRecord } from "./new-record.ts";
import type { NetworkRequest } from "./network-request.ts";
import type { PortsRequest } from "../sandbox/allot-ports.ts";

/** What is known when the start of a container with its network is planned. */
export type StartFacts = MakingFacts | KeptFacts;

/** Of one whose network is to be made: none is kept, or the labels of the container were edited. */
export interface MakingFacts extends ContainerFacts {
  kept: KeptSandbox | undefined;
  wanted: WantedNetwork;
}

/** Of one that keeps its network. */
export interface KeptFacts extends ContainerFacts {
  kept: KeptSandbox;
  wanted?: undefined;
  /** What is asked for in place of the ports that it has, where Docker's files were edited. */
  otherPorts: PortsRequest | undefined;
}

export interface ContainerFacts {
  id: string;
  spec: Spec;
  docker: DockerContainer | undefined;
  /** This boot. */
  bootId: string;
  /** The low-level runtime's folder of the container. */
  runtimeDir: string;
  /** The environment that its plugins have. */
  environment: Record<string, string>;
  config: Pick<Config, "keep" | "workloadArgs">;
}

export interface WantedNetwork {
  networkRequest: NetworkRequest;
  /** The networks that were asked for, in their order. */
  lists: readonly NetworkList[];
  /** When it is asked for, ISO 8601. */
  at: string;
  /** The name that the network is to be reserved for. */
  claim?: Claim;
}

/** A name that a network is reserved for when its container is removed, and the network that waits for this container. */
export interface Claim {
  name: string;
  reserved?: KeptSandbox;
}

/** What is left of the container's earlier network. */
export interface KeptSandbox {
  record: SandboxRecord;
  /** Whether its namespace is still the one that its attachments were made in. */
  isIntact: boolean;
}

/**
 * The network that a container starts with:
 * - `new`: in a namespace that is made for it.
 * - `rejoin`: the kept one, in its namespace; it is only checked.
 * - `rebuild`: in another namespace, with the addresses of the kept one.
 * - `adopt`: the one that a container of the same name left when it was removed; its namespace `stays`, or is rebuilt.
 * - `runtime-owned`: in the namespace that the low-level runtime makes in the container's user namespace. The createRuntime
 *   hook attaches it.
 */
export type StartPlan = PlannedStart &
  (
    | { kind: "new" | "rejoin" | "runtime-owned" }
    /** `fresh`: whatever becomes of the old namespace; `replaced`: where that is lost. */
    | { kind: "rebuild"; netns: "fresh" | "replaced" }
    | { kind: "adopt"; netns: "stays" | "fresh" | "replaced" }
  );

/** Why a start is of its kind. */
export type StartReason =
  | "no network yet"
  | "unchanged"
  /** A container with this capability may have changed what is in its namespace. */
  | "CAP_NET_ADMIN"
  | "edited labels"
  /** The network that is reserved for the container is another than it asks for. */
  | "other request"
  | "other boot"
  | "lost namespace"
  /** A start, or a hand-over of its addresses, was cut short. */
  | "not attached to the end"
  | "user namespace"
  | "no user namespace any more";

interface PlannedStart {
  reason: StartReason;
  /** What is written before the first effect. As the start goes on it changes, on disk first. */
  record: SandboxRecord;
  /** The network that the container had before; a start that fails takes nothing away from it. Undefined: none. */
  before: SandboxRecord | undefined;
  /** Whether `before` is undone first, since something else is asked for now; what is asked for as before keeps its addresses. */
  isEdited: boolean;
  ports: PortsPlan;
}

/** How the container comes by its ports of the host. */
export type PortsPlan =
  /** It publishes none. */
  | { take: "none" }
  /** They are its own all the time. */
  | { take: "held" }
  /** A new network's. */
  | { take: "asked"; request: PortsRequest; attachments: AttachmentsOptions }
  /** Those that the stop gave back, or that may be another's since the boot. */
  | { take: "again" }
  /** Others than before, which Docker's edited files ask for. */
  | { take: "others"; request: PortsRequest; asked: Asked };

/** Decides how a container starts with its network. Throws BAD_REQUEST for a request that cannot be met. */
export function planStart(facts: StartFacts): StartPlan {
  const plan = facts.wanted === undefined ? planKept(facts) : planWanted(facts);
  if (!hasUserNamespace(facts.spec)) return plan;
  const { before, isEdited, ports } = plan;
  const record = { ...plan.record, userns: true };
  return { kind: "runtime-owned", reason: "user namespace", record, before, isEdited, ports };
}

function planWanted(facts: MakingFacts): StartPlan {
  const { id, docker, config, kept, wanted } = facts;
  const { networkRequest, lists } = wanted;
  const name = docker?.name ?? networkRequest.name;
  const attachments = {
    networkRequest,
    lists,
    docker,
    workload: { id, name, labels: networkRequest.labels },
    workloadArgs: config.workloadArgs,
  };
  const record = newRecord(facts, attachments, wanted.at);
  const ports: PortsPlan = [networkRequest, ...networkRequest.networks].some(
    (each) => each.ports.length > 0,
  )
    ? { take: "asked", request: networkRequest, attachments }
    : { take: "none" };
  const making = { record, before: kept?.record, isEdited: kept !== undefined, ports };
  return kept === undefined
    ? { kind: "new", reason: "no network yet", ...making }
    : { kind: "rebuild", netns: "replaced", reason: "edited labels", ...making };
}

function planKept(facts: KeptFacts): StartPlan {
  const { docker, runtimeDir, environment, spec, kept } = facts;
  const before = kept.record;
  // They may have changed since: by another version of the engine, by docker rename, by a data root that was moved.
  const record = {
    ...before,
    ...(docker && before.asked === undefined && { asked: askedOf(docker) }),
    runtimeDir,
    environment,
    ...currentIdentity(facts),
  };
  const planned = { record, before, isEdited: false, ports: planPorts(facts) };
  const loss = lossOf(kept, facts.bootId);
  if (loss !== undefined) return { kind: "rebuild", netns: "replaced", reason: loss, ...planned };
  if (!mayChangeNetwork(spec)) return { kind: "rejoin", reason: "unchanged", ...planned };
  return { kind: "rebuild", netns: "fresh", reason: "CAP_NET_ADMIN", ...planned };
}

/** Why a kept network cannot be joined as it is; undefined where it can. */
function lossOf({ record, isIntact }: KeptSandbox, bootId: string): StartReason | undefined {
  if (record.userns === true) return "no user namespace any more";
  if (isIntact) return undefined;
  if (record.bootId !== bootId) return "other boot";
  return record.state === "attached" ? "lost namespace" : "not attached to the end";
}

function planPorts({ docker, bootId, kept: { record }, otherPorts }: KeptFacts): PortsPlan {
  if (otherPorts !== undefined && docker !== undefined) {
    return { take: "others", request: otherPorts, asked: askedOf(docker) };
  }
  // Where the last one was unpublished after a stop, plugins have yet to be told.
  if (publishedPorts(record).length === 0 && record.ports === undefined) return { take: "none" };
  const isHeld = record.ports === undefined && record.bootId === bootId;
  return { take: isHeld ? "held" : "again" };
}
