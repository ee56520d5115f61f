import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { isEngineThere } from "../engine/container-dir.ts";
import { UserError } from "../lib/errors.ts";
import { writeSpec, type Bundle } from "../oci/bundle.ts";
import { netnsPath } from "../netns/netns.ts";
import {
  hasSetKeyHook,
  hooksBeforeStart,
  setsInterface,
  withHook,
  withNetns,
} from "../oci/spec.ts";
import { refreshHosts } from "../sandbox/hosts.ts";
import { publishNames } from "../sandbox/publish-names.ts";
import { mayHaveIpv6 } from "../sandbox/ipv6.ts";
import { publishedPorts, type SandboxRecord } from "../state/record.ts";
import { release } from "../sandbox/release.ts";
import { transition } from "../state/transitions.ts";
import type { CreateCall } from "./args.ts";
import type { CreateContext } from "./create.ts";
import type { NetworkStart } from "./network.ts";
import { createRuntimeHook } from "./createruntime.ts";
import { poststopHook } from "./poststop.ts";
import { callLimitMs } from "./time-limit.ts";

export interface Start extends NetworkStart {
  call: CreateCall;
  bundle: Bundle;
}

/**
 * Runs `runc create` and the network beside each other: the runtime only needs the namespace to exist, the network has
 * to be ready by `start`. Where hooks of others may look for the network, it goes first.
 * Returns the runtime's exit status; throws the network's fault. Either way a failure has been undone.
 */
export async function startBeside(context: CreateContext, start: Start): Promise<number> {
  const { bundle } = start;
  try {
    await start.open();
    writeSpec(bundle, specFor(context, start));
    noteSettleBeforeStart(context, start);
    const [attached, runtime] = await Promise.allSettled(inOrder(context, start));
    if (attached.status === "rejected") throw attached.reason;
    if (runtime.status === "rejected") throw runtime.reason;
    if (isRemoved(start.record)) throw removedMeanwhile(start.record);
    if (start.record.userns === true) reloadRecord(context, start.record);
    if (runtime.value !== 0) await abandon(context, start);
    else if (start.record.userns === true) await publishNames(context, start.record);
    return runtime.value;
  } catch (error) {
    await abandon(context, start);
    throw error;
  }
}

/** Whether its engine has removed the container while it was being made: nobody will start it. */
function isRemoved({ containerDir }: SandboxRecord): boolean {
  return (
    containerDir !== undefined && !existsSync(containerDir) && isEngineThere(dirname(containerDir))
  );
}

function removedMeanwhile({ id }: SandboxRecord): UserError {
  return new UserError("NO_SUCH_CONTAINER", `container ${id} was removed while it was started`);
}

/**
 * Without a hook of its own dockerd sees to the namespace when the runtime's create is done, and changes it. From version
 * 26 on it writes the hosts file anew then, hook or not.
 */
function noteSettleBeforeStart(context: CreateContext, { record, bundle }: Start): void {
  const hosts = context.hosts ? record.files?.hosts : undefined;
  const changesNetwork = record.containerDir !== undefined && !hasSetKeyHook(bundle.spec);
  if (changesNetwork && (context.hosts || mayHaveIpv6(record))) {
    context.store.markSettleBeforeStart(record.id, "always");
  } else {
    context.store.markSettleBeforeStart(record.id, hosts === undefined ? undefined : { hosts });
  }
}

/** Makes the network and runs the runtime, beside each other where neither gets in the other's way. */
function inOrder(context: CreateContext, start: Start): [Promise<void>, Promise<number>] {
  const { record, bundle, call } = start;
  // dockerd's own hook switches IPv6 off for a moment: an address or a route that is added then is refused.
  const losesIpv6 = mayHaveIpv6(record) && hasSetKeyHook(bundle.spec);
  if (hooksBeforeStart(bundle.spec).length > 0 || setsInterface(bundle.spec)) {
    const network = attach(context, start);
    const runtime = network.then(() => context.runtime.run(call));
    const restored = runtime.then(async () => {
      if (!losesIpv6) return;
      const { restoreIpv6 } = await import("../sandbox/restore-ipv6.ts");
      await restoreIpv6(context, record);
    });
    return [network.then(() => restored), runtime];
  }
  // The runtime takes longer: it goes first.
  const runtime = context.runtime.run(call);
  if (!losesIpv6) return [attach(context, start), runtime];
  return [runtime.then((status) => (status === 0 ? attach(context, start) : undefined)), runtime];
}

/**
 * Makes the network ready, notes it and writes the names, while the runtime may still be at work. (An engine that writes
 * the hosts file itself does so before it calls the runtime or when that is done, and then there is another occasion.)
 */
async function attach(context: CreateContext, { network, record }: Start): Promise<void> {
  try {
    await network();
  } catch (error) {
    const { explainUsedUp } = await import("../sandbox/used-up.ts");
    throw explainUsedUp(context, record, error);
  }
  if (record.userns === true) return;
  if (record.state !== "attached") transition(context.store, record, "attached");
  await publishNames(context, record);
}

/** Learns what the createRuntime hook wrote down. */
function reloadRecord(context: CreateContext, record: SandboxRecord): void {
  const attached = context.store.read(record.id);
  if (attached === undefined || attached === "unreadable") return;
  if (attached.ports === undefined) delete record.ports;
  Object.assign(record, attached);
}

/** Makes the network ready and writes the spec, for a runtime call that starts the container itself. */
export async function prepareRun(context: CreateContext, start: Start): Promise<void> {
  try {
    await start.open();
    writeSpec(start.bundle, specFor(context, start));
    await attach(context, start);
  } catch (error) {
    await abandon(context, start);
    throw error;
  }
}

function specFor(context: CreateContext, { bundle, record, call }: Start): string {
  const hookOptions = {
    install: context.install,
    path: context.env["PATH"] ?? "",
    pluginTimeoutMs: callLimitMs(
      context.config,
      record.attachments.map(({ capabilityArgs }) => capabilityArgs),
    ),
  };
  const sandboxDir = context.store.pathOf(record.id);
  const poststop = poststopHook({ ...hookOptions, record, sandboxDir });
  const config = withHook(bundle.original, "poststop", poststop);
  if (record.userns !== true) return withNetns(config, netnsPath(record.netns));
  const locked = call.command === "create";
  const hook = createRuntimeHook({ ...hookOptions, id: record.id, locked });
  return withHook(withNetns(config), "createRuntime", hook);
}

/** How long the answer to a start that failed waits for the plugins to undo it, ms; then gc does. */
const UNDO_MS = 2000;

/** Undoes a start that failed. What cannot be undone now stays on record for gc; the first error is the one told. */
async function abandon(context: CreateContext, { record, bundle, kept }: Start): Promise<void> {
  const failed = (error: unknown): void =>
    context.log.error({ container: record.id, step: "undo", err: error }, "could not be undone");
  try {
    writeSpec(bundle, bundle.original);
  } catch (error) {
    failed(error);
  }
  if (kept) {
    context.store.markStopped(record.id);
    if (publishedPorts(record).length > 0) {
      const { releaseOrLog } = await import("../sandbox/published.ts");
      await releaseOrLog(context, record).catch(failed);
    }
  } else {
    const signal = AbortSignal.timeout(UNDO_MS);
    await release(context, record, { staysLocked: true, signal }).catch(failed);
  }
  // Others may have been told of it already.
  await refreshHosts(context, record).catch(failed);
}
