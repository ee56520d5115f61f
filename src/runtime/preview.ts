import { dirname, join } from "node:path";
import { isValidContainerId } from "../cni/index.ts";
import { findContainerDir } from "../engine/container-dir.ts";
import { type DockerContainer, readDockerContainer } from "../engine/docker-container.ts";
import { recordingLog } from "../lib/log.ts";
import type { Bundle } from "../oci/bundle.ts";
import { assess } from "../state/assess.ts";
import type { SandboxRecord } from "../state/record.ts";
import type { SandboxStore } from "../state/store.ts";
import { type CreateCall, parseCreateCall } from "./args.ts";
import type { CreateContext } from "./create.ts";
import { findEdit } from "./edit.ts";
import { planOf, readStartFacts } from "./facts.ts";
import { poststopPath, sandboxSpec } from "./hooks.ts";
import { type NetworkRequest, readNetworkRequest } from "./network-request.ts";
import { planAttachments } from "./new-record.ts";
import { passthroughReason } from "./passthrough.ts";
import type { StartPlan } from "./plan.ts";
import { previewPorts } from "../sandbox/allot-ports.ts";
import { invalidId, unknownNetwork } from "./refusals.ts";

/** What `create` would do with a container now. */
export interface Preview {
  id: string;
  docker: DockerContainer | undefined;
  /** What is asked of its network; a container that has one is not asked again. */
  networkRequest?: NetworkRequest;
  /** Why the call would be passed to the low-level runtime unchanged. */
  leaveAlone?: string;
  plan?: StartPlan;
  /** The text of config.json that would be written. */
  config?: string;
  /** What would be logged. */
  notes: string[];
}

export type PreviewContext = Pick<
  CreateContext,
  Exclude<keyof CreateContext, "runtime" | "startGc">
>;

/**
 * Says what `create` would do with the bundle, as `create` decides it, without any effect. Throws the error that it would end
 * with.
 */
export async function previewCreate(
  own: PreviewContext,
  { id, bundle }: { id: string; bundle: Bundle },
): Promise<Preview> {
  const { log, lines } = recordingLog();
  const context = onlyLooking({ ...own, log });
  const call = parseCreateCall(["create", "--bundle", bundle.dir, id]);
  const directory = findContainerDir(bundle.spec, id);
  const docker = directory === undefined ? undefined : readDockerContainer(directory);
  if (docker !== undefined && docker.networkMode === undefined) throw unknownNetwork(docker);
  const found = { id, docker };
  const notes = (): string[] => [...new Set(lines.map(({ msg }) => msg))];
  const leaveAlone = passthroughReason({
    id,
    bundleDir: bundle.dir,
    spec: bundle.spec,
    hookPath: poststopPath(context.install),
    networkMode: docker?.networkMode,
  });
  if (leaveAlone !== undefined) return { ...found, leaveAlone, notes: notes() };
  const known = context.store.read(id);
  const edit = findEdit(context, known, docker);
  let networkRequest: NetworkRequest | undefined;
  if (known === undefined || edit === "labels") {
    networkRequest = await readNetworkRequest({ ...context, id, spec: bundle.spec, docker });
    const { whyNone } = networkRequest;
    if (whyNone !== undefined)
      return { ...found, networkRequest, leaveAlone: whyNone, notes: notes() };
  }
  if (!isValidContainerId(id)) throw invalidId(id);
  const container = { call, bundle, docker, edit, ...(networkRequest && { networkRequest }) };
  const facts = await readStartFacts(context, container, keptOf);
  const plan = withPorts(context, await planOf(facts));
  const config = sandboxSpec(context, { call, bundle, plan });
  const asked = networkRequest ?? facts.wanted?.networkRequest;
  return { ...found, ...(asked && { networkRequest: asked }), plan, config, notes: notes() };
}

/** The context with a store that nothing is written by, and without a runtime. */
function onlyLooking(own: PreviewContext): CreateContext {
  const store: SandboxStore = {
    ...own.store,
    isReadOnly: true,
    sharedDir: (what) => join(dirname(own.store.dir), what),
    write: refuse,
    prepare: refuse,
    clear: refuse,
    remove: refuse,
  };
  const runtime = { path: "", run: refuse, become: refuse, deleteForce: refuse, stateDir };
  return { ...own, store, runtime, startGc: refuse };
}

function refuse(): never {
  throw new Error("a plan has no effects");
}

/** Where Docker has runc keep it; nothing of a plan depends on that. */
function stateDir({ id, root = "/run/docker/runtime-runc/moby" }: CreateCall): string {
  return join(root, id);
}

/** As findKeptSandbox decides, whatever is left of a network that is not worth keeping. */
async function keptOf(
  { store }: Pick<CreateContext, "store">,
  id: string,
): Promise<SandboxRecord | undefined> {
  const record = store.read(id);
  if (typeof record !== "object") return undefined;
  const atItsStart = { container: "there", process: "stopped", netns: "unread" } as const;
  return assess(record, {}, atItsStart).life === "kept" ? record : undefined;
}

/** The plan with the ports that would be allotted to a new network now. */
function withPorts(context: CreateContext, plan: StartPlan): StartPlan {
  if (plan.ports.take !== "asked") return plan;
  const { request, attachments } = plan.ports;
  const ports = previewPorts(context, plan.record.id, request);
  const record = {
    ...plan.record,
    ...(ports.chosen.length > 0 && { chosenPorts: ports.chosen }),
    attachments: planAttachments(attachments, ports),
  };
  return { ...plan, record };
}
