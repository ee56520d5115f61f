import { existsSync } from "node:fs";
import { isValidContainerId } from "../cni/index.ts";
import type { Config } from "../config/config.ts";
import { findContainerDir } from "../engine/container-dir.ts";
import { type DockerContainer, readDockerContainer } from "../engine/docker-container.ts";
import { UserError } from "../lib/errors.ts";
import { type Bundle, readBundle } from "../oci/bundle.ts";
import { collectWhenIdle } from "../sandbox/background.ts";
import type { SandboxContext } from "../sandbox/context.ts";
import { lockSandbox } from "../sandbox/life.ts";
import type { Lock } from "../state/lock.ts";
import { release } from "../sandbox/release.ts";
import type { CreateCall } from "./args.ts";
import type { LowLevelRuntime } from "./lowlevel.ts";
import { passthroughReason } from "./passthrough.ts";
import { findEdit } from "./edit.ts";
import { type Container, planNetwork } from "./network.ts";
import { type Install, poststopPath } from "./poststop.ts";
import { prepareRun, type Start, startBeside } from "./start.ts";
import { readNetworkRequest } from "./network-request.ts";

export interface CreateContext extends SandboxContext {
  config: Config;
  runtime: LowLevelRuntime;
  install: Install;
  /** The environment that the engine called with. */
  env: NodeJS.ProcessEnv;
  /** Starts gc as a process of its own. */
  startGc: () => void;
}

/**
 * Makes a container with its network: the low-level runtime's `create`, `run` or `restore` with a network namespace of
 * ours. Returns the runtime's exit status. When anything fails nothing of a new network is left; a container that had its
 * network before keeps what it had.
 */
export async function create(context: CreateContext, call: CreateCall): Promise<number> {
  const lock = once(() => lockSandbox(context, call.id));
  // A container that had its network before nearly always gets it again: its lock, which takes a process, is waited for
  // while the rest is read.
  const isKnown = isValidContainerId(call.id) && existsSync(context.store.pathOf(call.id));
  if (isKnown) lock().catch(() => {});
  const leaveAlone = async (reason: string): Promise<number> => {
    context.log.debug({ container: call.id, step: "create" }, `left alone: ${reason}`);
    if (isKnown) (await lock()).release();
    return withNote(context, call, "", () => context.runtime.run(call));
  };

  const bundle = readBundle(call.bundle);
  const containerDir = findContainerDir(bundle.spec, call.id);
  const docker = containerDir === undefined ? undefined : readDockerContainer(containerDir);
  if (docker !== undefined && docker.networkMode === undefined) {
    if (context.store.read(call.id) !== undefined) {
      (await lock()).release();
      throw unknownNetwork(docker);
    }
    for (const warning of docker.warnings) {
      context.log.warn({ container: call.id, step: "create" }, warning);
    }
  }
  const networkMode = docker && (docker.networkMode ?? "unknown");
  const reason = passthroughReason({
    id: call.id,
    bundleDir: bundle.dir,
    spec: bundle.spec,
    hookPath: poststopPath(context.install),
    networkMode,
  });
  if (reason !== undefined) {
    if (docker !== undefined && publishesByDocker(docker)) {
      const { refuseTakenPorts } = await import("./foreign-ports.ts");
      await refuseTakenPorts(context, call.id, docker);
    }
    return leaveAlone(reason);
  }
  const networkRequest = once(() =>
    readNetworkRequest({ ...context, id: call.id, spec: bundle.spec, docker }),
  );
  const known = context.store.read(call.id);
  if (known === undefined) {
    const { whyNone } = await networkRequest();
    if (whyNone !== undefined) return leaveAlone(whyNone);
  }
  const edit = findEdit(context, known, docker);
  if (edit === "labels" && (await networkRequest()).none) {
    await lock();
    if (typeof known === "object") await release(context, known);
    return leaveAlone("it asks for no network any more");
  }
  if (!isValidContainerId(call.id)) {
    throw new UserError("BAD_ARGS", `the container id "${call.id}" is not one that CNI allows`, {
      hint: "begin it with a letter or a digit, and use letters, digits, '.', '_' and '-' only",
    });
  }
  collectWhenIdle(context, context.startGc);
  const container = { spec: bundle.spec, docker, edit, networkRequest };
  const work = { call, bundle, container, lock };
  const sandbox = context.store.pathOf(call.id);
  if (call.command === "create") {
    return withNote(context, call, sandbox, () => createUnderLock(context, work));
  }
  const status = await withNote(context, call, sandbox, () => runUnderLock(context, work));
  if (status !== 0 || !call.detach) {
    const { collect } = await import("../sandbox/gc.ts");
    await collect(context, call.id, { waitMs: context.lockTimeoutMs });
  }
  return status;
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

/** The error of a container that had a network of ours, where Docker's files do not tell whether it is to have it still. */
function unknownNetwork({ directory, warnings }: DockerContainer): UserError {
  const why = warnings.join("; ") || `${directory} does not tell`;
  return new UserError(
    "STATE_FAILED",
    `it is not known which network the container is on: ${why}`,
    {
      hint: "restore the file, or remove the container and make it anew",
    },
  );
}

interface Work {
  call: CreateCall;
  bundle: Bundle;
  container: Container;
  lock: () => Promise<Lock>;
}

async function createUnderLock(context: CreateContext, work: Work): Promise<number> {
  try {
    return await withSandbox(context, work, (start) => startBeside(context, start));
  } catch (error) {
    // Outside the lock: the runtime's delete calls the poststop hook, which may wait for it.
    await context.runtime.deleteForce(work.call);
    throw error;
  }
}

/** The lock ends before the runtime begins, whose hooks may take it; until it has the container the note tells of it. */
async function runUnderLock(context: CreateContext, work: Work): Promise<number> {
  await withSandbox(context, work, (start) => prepareRun(context, start));
  return context.runtime.run(work.call);
}

/**
 * Starts the container with its network under the sandbox's lock. A folder without a record is not left behind, and what could
 * not be undone in time is left to gc.
 */
async function withSandbox<T>(
  context: CreateContext,
  { call, bundle, container, lock }: Work,
  run: (start: Start) => Promise<T>,
): Promise<T> {
  const held = await lock();
  try {
    return await run({ call, bundle, ...(await planNetwork(context, call, container)) });
  } finally {
    const left = context.store.read(call.id);
    if (left === undefined) context.store.remove(call.id);
    held.release();
    if (left !== "unreadable" && left?.state === "removing") context.startGc();
  }
}

/** `work` at its first call; the same promise at every later one. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let promise: Promise<T> | undefined;
  return () => (promise ??= work());
}
