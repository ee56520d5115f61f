import { setTimeout as pause } from "node:timers/promises";
import { CniError, declaresCapability, parseNetworkList, separablePlugins } from "../cni/index.ts";
import { readDockerContainer } from "../engine/docker-container.ts";
import { UserError } from "../lib/errors.ts";
import { runtimeConfOf, withEnvironment } from "./attach.ts";
import type { SandboxContext } from "./context.ts";
import { withSharedHostLock, withAddLock } from "./host-lock.ts";
import { runsNow } from "../state/facts.ts";
import { networkNow } from "../state/network-now.ts";
import { portsTransition } from "../state/transitions.ts";
import { publishedPorts, type AttachmentRecord, type SandboxRecord } from "../state/record.ts";

const CAPABILITY = "portMappings";
/** How long after a stop the ports stay the container's, ms: a restart begins again within that. */
const GRACE_MS = 900;
/** How soon it is looked again whether another operation has ended, ms. */
const LOOK_AGAIN_MS = 20;

/** Whether the container publishes ports that nobody else can be given: it runs, or they were not given back yet. */
export function holdsPorts(context: SandboxContext, record: SandboxRecord): boolean {
  if (record.ports === "released" || publishedPorts(record).length === 0) return false;
  // What publishes a port ends with the boot.
  return record.bootId === context.bootId || runsNow(context.store, record);
}

/**
 * Why a stopped container's ports stay its own, in words that follow its name; undefined when it runs, or they can be given
 * back.
 */
export function whyKept(context: SandboxContext, record: SandboxRecord): string | undefined {
  if (runsNow(context.store, record)) return undefined;
  if (isRestarting(record)) return "which is about to be restarted";
  if (canBeAlone(record)) return undefined;
  return "which is stopped and keeps its network until it is removed: its plugins cannot give back ports alone";
}

/**
 * Gives back the ports of a sandbox whose lock is held, once its container has been stopped for a moment. An error is logged, and the
 * ports stay the container's.
 */
export async function releaseWhenStopped(
  context: SandboxContext,
  record: SandboxRecord,
): Promise<void> {
  const stoppedForMs = context.store.stoppedFor(record.id) ?? GRACE_MS;
  if (stoppedForMs < GRACE_MS || !mayRelease(context, record)) return;
  await releaseOrLog(context, record);
}

/**
 * Gives back the ports of the sandbox `id` for another container that wants them, if its own is stopped. Waits for an
 * operation on it, but not for its start: that one may wait for who asks here.
 */
export async function releaseForOther(context: SandboxContext, id: string): Promise<void> {
  const { store, locker, lockTimeoutMs } = context;
  const mayReleaseNow = (): SandboxRecord | undefined => {
    const record = store.read(id);
    if (record === undefined || record === "unreadable") return undefined;
    return mayRelease(context, record) ? record : undefined;
  };
  for (const deadline = Date.now() + lockTimeoutMs; Date.now() < deadline;) {
    if (mayReleaseNow() === undefined) return;
    const lock = await locker.lock(store.pathOf(id), "exclusive", 0);
    if (lock !== undefined) {
      try {
        const record = mayReleaseNow();
        if (record !== undefined) await releaseOrLog(context, record);
      } finally {
        lock.release();
      }
      return;
    }
    // A start takes this mark away before it waits for another container.
    if (store.stoppedAt(id) === undefined) return;
    await pause(LOOK_AGAIN_MS);
  }
}

/**
 * Runs DEL of the plugins that publish ports, and of no others. It is written down before and after: a crash in between is
 * repaired by the next call. The caller holds the sandbox's lock; its container does not run. Throws the first fault.
 */
export async function releasePorts(context: SandboxContext, record: SandboxRecord): Promise<void> {
  if (!holdsPorts(context, record) || !canBeAlone(record)) return;
  portsTransition(context.store, record, "releasing");
  const { cni } = withEnvironment(context, record);
  await withSharedHostLock(context, async () => {
    for (const attachment of publishing(record).toReversed()) {
      const list = parseNetworkList(attachment.list);
      await cni.delCapability(list, runtimeConfOf(record, attachment), CAPABILITY);
    }
  });
  portsTransition(context.store, record, "released");
}

/**
 * Runs ADD of the plugins that publish ports, and of no others, for a sandbox whose record says `acquiring`. Throws a CniError
 * when it cannot be done; the ports may be published in part then.
 */
export async function acquirePorts(context: SandboxContext, record: SandboxRecord): Promise<void> {
  const { cni } = withEnvironment(context, record);
  // Where no container on the network published a port before, its plugins make what all that do share.
  await withAddLock(context, record.attachments, async () => {
    // Those that publish nothing any more are told so: the next CHECK asks for what ADD had.
    for (const attachment of record.attachments) {
      const list = parseNetworkList(attachment.list);
      if (!declaresCapability(list, CAPABILITY)) continue;
      await cni.addCapability(list, runtimeConfOf(record, attachment), CAPABILITY);
    }
  });
  portsTransition(context.store, record, "held");
}

function mayRelease(context: SandboxContext, record: SandboxRecord): boolean {
  return (
    networkNow(context, record) !== "none" &&
    holdsPorts(context, record) &&
    canBeAlone(record) &&
    !runsNow(context.store, record) &&
    !isRestarting(record)
  );
}

/** Gives back the ports of a sandbox whose lock is held; an error is logged, and the next call tries again. */
export async function releaseOrLog(context: SandboxContext, record: SandboxRecord): Promise<void> {
  try {
    await releasePorts(context, record);
  } catch (error) {
    if (!(error instanceof CniError) && !(error instanceof UserError)) throw error;
    const message = "its ports could not be given back";
    context.log.error({ container: record.id, step: "ports", err: error }, message);
  }
}

/** In a crash loop the engine waits longer from one start to the next, and the port stays the container's. */
function isRestarting({ containerDir }: SandboxRecord): boolean {
  return containerDir !== undefined && readDockerContainer(containerDir).restarting;
}

function canBeAlone(record: SandboxRecord): boolean {
  return publishing(record).every(
    ({ list }) => separablePlugins(parseNetworkList(list), CAPABILITY) !== undefined,
  );
}

function publishing({ attachments }: SandboxRecord): AttachmentRecord[] {
  return attachments.filter(
    (attachment) => publishedPorts({ attachments: [attachment] }).length > 0,
  );
}
