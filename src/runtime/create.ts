import { existsSync } from "node:fs";
import { isValidContainerId } from "../cni/index.ts";
import type { Config } from "../config/config.ts";
import { findContainerDir } from "../engine/container-dir.ts";
import { type DockerContainer, readDockerContainer } from "../engine/docker-container.ts";
import { type Bundle, readBundle } from "../oci/bundle.ts";
import { collectWhenIdle } from "../sandbox/background.ts";
import type { SandboxContext } from "../sandbox/context.ts";
import { lockSandbox } from "../sandbox/life.ts";
import type { Lock } from "../state/lock.ts";
import type { SandboxRecord } from "../state/record.ts";
import type { CreateCall } from "./args.ts";
import { type Edit, findEdit } from "./edit.ts";
import { planOf, readStartFacts } from "./facts.ts";
import { type Install, poststopPath } from "./hooks.ts";
import type { LowLevelRuntime } from "./lowlevel.ts";
import { type NetworkRequest, readNetworkRequest } from "./network-request.ts";
import { passthroughReason } from "./passthrough.ts";
import { type Started, start } from "./start.ts";

export interface CreateContext extends SandboxContext {
  config: Config;
  runtime: LowLevelRuntime;
  install: Install;
  /** The environment that the engine called with. */
  env: NodeJS.ProcessEnv;
  /** Whether all plugins of a network (its list, JSON) are called without a process; undefined: none are. */
  isInProcess?: (list: string) => boolean;
  /** Is told last before this process becomes the runtime: nothing of it comes after that. */
  beforeBecoming?: (id: string) => void;
  /** Starts gc as a process of its own. */
  startGc: () => void;
}

/** A call that makes a container, and what its bundle and Docker's files tell of that. */
export interface Container {
  call: CreateCall;
  bundle: Bundle;
  docker: DockerContainer | undefined;
}

/** What is to become of the container's network: none of ours, or one as it was asked for. */
type Choice =
  | {
      leaveAlone: string;
      /** The network that it had, which ends with that. */
      ends?: SandboxRecord | undefined;
    }
  | OwnNetwork;

/** What is asked of the container's network, as far as it had to be read. */
export interface OwnNetwork {
  leaveAlone?: undefined;
  networkRequest?: NetworkRequest;
  /** What of Docker's own files was edited since its network was made. */
  edit?: Edit | undefined;
}

/**
 * Makes a container with its network: the low-level runtime's `create`, `run` or `restore` with a network namespace of
 * ours. Returns the runtime's exit status. When anything fails nothing of a new network is left; a container that had its
 * network before keeps what it had.
 */
export async function create(context: CreateContext, call: CreateCall): Promise<number> {
  const { store, log } = context;
  // A container that had its network before nearly always gets it again: its lock, which takes a process, is waited for
  // while the rest is read.
  const isKnown = isValidContainerId(call.id) && existsSync(store.pathOf(call.id));
  const early = isKnown ? lockSandbox(context, call.id) : undefined;
  early?.catch(() => {});
  const bundle = readBundle(call.bundle);
  const containerDir = findContainerDir(bundle.spec, call.id);
  const docker = containerDir === undefined ? undefined : readDockerContainer(containerDir);
  const container = { call, bundle, docker };
  const known = isKnown ? store.read(call.id) : undefined;
  if (docker !== undefined && docker.networkMode === undefined) {
    if (known !== undefined) {
      (await early)?.release();
      const { unknownNetwork } = await import("./refusals.ts");
      throw unknownNetwork(docker);
    }
    for (const warning of docker.warnings) {
      log.warn({ container: call.id, step: "create" }, warning);
    }
  }

  const choice = await chooseNetwork(context, container, known);
  if (choice.leaveAlone !== undefined) {
    const lock = await early;
    if (choice.ends !== undefined) {
      const { release } = await import("../sandbox/release.ts");
      await release(context, choice.ends);
    }
    log.debug({ container: call.id, step: "create" }, `left alone: ${choice.leaveAlone}`);
    lock?.release();
    return withNote(context, call, "", () => context.runtime.run(call));
  }
  if (!isValidContainerId(call.id)) {
    const { invalidId } = await import("./refusals.ts");
    throw invalidId(call.id);
  }
  collectWhenIdle(context, context.startGc);
  const status = await withNote(context, call, store.pathOf(call.id), () =>
    startContainer(context, { ...container, ...choice }, early),
  );
  if (call.command !== "create" && (status !== 0 || !call.detach)) {
    const { collect } = await import("../sandbox/gc.ts");
    await collect(context, call.id, { waitMs: context.lockTimeoutMs });
  }
  return status;
}

/** Decides by the container's files, and by what is `known` of its network, whether it has one of ours. */
async function chooseNetwork(
  context: CreateContext,
  { call: { id }, bundle: { dir: bundleDir, spec }, docker }: Container,
  known: SandboxRecord | "unreadable" | undefined,
): Promise<Choice> {
  const networkMode = docker && (docker.networkMode ?? "unknown");
  const hookPath = poststopPath(context.install);
  const leaveAlone = passthroughReason({ id, bundleDir, spec, hookPath, networkMode });
  if (leaveAlone !== undefined) {
    if (docker !== undefined && publishesByDocker(docker)) {
      const { refuseTakenPorts } = await import("./foreign-ports.ts");
      await refuseTakenPorts(context, id, docker);
    }
    return { leaveAlone };
  }
  const edit = findEdit(context, known, docker);
  // A container that has its network already is not asked again.
  if (known !== undefined && edit !== "labels") return { edit };
  const networkRequest = await readNetworkRequest({ ...context, id, spec, docker });
  const { whyNone, none } = networkRequest;
  if (known === undefined && whyNone !== undefined) return { leaveAlone: whyNone };
  if (typeof known === "object" && none) {
    return { leaveAlone: "it asks for no network any more", ends: known };
  }
  return { networkRequest, edit };
}

/** Makes the container's network and runs its runtime; `early` is the sandbox's lock, where it is waited for already. */
async function startContainer(
  context: CreateContext,
  container: Container & OwnNetwork,
  early: Promise<Lock> | undefined,
): Promise<number> {
  const { call } = container;
  try {
    // A call that starts the container itself gets its runtime without the lock, which hooks may take; until the runtime has the
    // container the note tells of it.
    const status = await startUnderLock(context, container, early);
    return status === "prepared" ? await context.runtime.run(call) : status;
  } catch (error) {
    // Outside the lock: the runtime's delete calls the poststop hook, which may wait for it.
    if (call.command === "create") await context.runtime.deleteForce(call);
    throw error;
  }
}

/** A folder without a record is not left behind, and what could not be undone in time is left to gc. */
async function startUnderLock(
  context: CreateContext,
  container: Container & OwnNetwork,
  early: Promise<Lock> | undefined,
): Promise<Started> {
  const { call, bundle } = container;
  const lock = await (early ?? lockSandbox(context, call.id));
  try {
    // An engine with files of its own makes no container twice; of others the runtime's own answer counts. Without the mark of a
    // stop the last start was killed, or the host went down.
    const runtimeDir = context.runtime.stateDir(call);
    const isKnown = early !== undefined && container.docker !== undefined;
    if (isKnown && (context.store.stoppedAt(call.id) === undefined || existsSync(runtimeDir))) {
      const { removeInterrupted } = await import("./interrupted.ts");
      await removeInterrupted(context, call, runtimeDir);
    }
    const plan = await planOf(await readStartFacts(context, container));
    context.log.debug({ container: call.id, step: "create" }, `${plan.kind}: ${plan.reason}`);
    return await start(context, { call, bundle, plan });
  } finally {
    const left = context.store.read(call.id);
    if (left === undefined) context.store.remove(call.id);
    lock.release();
    if (left !== "unreadable" && left?.state === "removing") context.startGc();
  }
}

/**
 * Makes a container with a note of the low-level runtime that makes it, for the calls that follow and for who looks whether
 * it is still there. The note goes again where no container comes of it.
 */
async function withNote(
  { store, runtime }: CreateContext,
  { command, detach, id, root = "" }: CreateCall,
  sandbox: string,
  make: () => Promise<number>,
): Promise<number> {
  const undo = store.runtimeNotes.write({ root, id }, { path: runtime.path, sandbox });
  let isThere = false;
  try {
    const status = await make();
    isThere = status === 0 && (command === "create" || detach);
    return status;
  } finally {
    if (!isThere) undo();
  }
}

/** Whether it is on a network of Docker's own, and Docker publishes ports of it. */
function publishesByDocker({ networkMode = "none", portBindings }: DockerContainer): boolean {
  return portBindings.length > 0 && !/^(none|host|container:.*)$/.test(networkMode);
}
