import { writeSpec, type Bundle } from "../oci/bundle.ts";
import { refreshHosts } from "../sandbox/hosts.ts";
import { mayHaveIpv6 } from "../sandbox/ipv6.ts";
import { attachNew, checkOrReattach } from "../sandbox/life.ts";
import { publishNames } from "../sandbox/publish-names.ts";
import { publishedPorts, type SandboxRecord } from "../state/record.ts";
import type { CreateCall } from "./args.ts";
import { runBeside } from "./beside.ts";
import type { CreateContext } from "./create.ts";
import type { StartPlan } from "./plan.ts";

/** A call of the low-level runtime's with the network that is planned for its container. */
export interface Start {
  call: CreateCall;
  bundle: Bundle;
  plan: StartPlan;
}

/** The exit status of the runtime's `create`; `prepared` for a call that starts the container itself, whose runtime is yet to be run. */
export type Started = number | "prepared";

/**
 * Makes the network that is planned and has the runtime make the container in it. Throws the network's fault; either way a failure
 * has been undone. The caller holds the sandbox's lock.
 */
export async function start(context: CreateContext, work: Start): Promise<Started> {
  await remember(context, work.plan);
  try {
    const status = await execute(context, work);
    if (status !== "prepared" && status !== 0) await undo(context, work);
    return status;
  } catch (error) {
    await undo(context, work);
    throw error;
  }
}

/**
 * Writes down what is about to be made, and takes its ports: from here on whatever crashes can be undone. It is not yet safe from
 * a power cut, which takes the namespace with it.
 */
async function remember(context: CreateContext, plan: StartPlan): Promise<void> {
  const { store } = context;
  const { record, before, isEdited, ports } = plan;
  if (record.predecessor !== undefined) {
    const { takeOver } = await import("../sandbox/take-over.ts");
    await takeOver(context, record);
  } else if (before !== undefined && isEdited) {
    const { carryOver, undoForEdit } = await import("../sandbox/edited.ts");
    await undoForEdit(context, before);
    carryOver(before, record);
  }
  // Ports that are asked for are written with the rest as long as nobody else is allotted any.
  if (ports.take !== "asked" && JSON.stringify(record) !== JSON.stringify(before)) {
    store.write(record, { durable: isEdited });
  }
  if (before !== undefined) store.clearStopped(record.id);
  if (ports.take === "none" && !(isEdited && record.published)) return;
  try {
    const { takePorts } = await import("./take-ports.ts");
    await takePorts(context, plan);
  } catch (error) {
    if (before !== undefined) store.markStopped(record.id);
    throw error;
  }
}

/** Each kind of start from its namespace to its runtime. */
// eslint-disable-next-line typescript/consistent-return -- the switch has a case for every kind
async function execute(context: CreateContext, work: Start): Promise<Started> {
  const { plan } = work;
  const { record, before } = plan;
  switch (plan.kind) {
    case "new":
      await context.netns.add(record.netns);
      return runBeside(context, work, () => attachNew(context, record));
    case "rejoin":
      return runBeside(context, work, () => rejoin(context, record));
    case "rebuild":
    case "adopt": {
      if (plan.netns === "stays") return runBeside(context, work, () => rejoin(context, record));
      const { freshNetns, reattach, replaceNetns } = await import("../sandbox/rebuild.ts");
      if (plan.netns === "fresh") {
        await freshNetns(context, record);
      } else {
        Object.assign(record, { bootId: context.bootId, userns: false });
        await replaceNetns(context, record);
      }
      return runBeside(context, work, () => reattach(context, record));
    }
    case "runtime-owned": {
      if (before !== undefined) {
        const { dropNetns } = await import("../sandbox/rebuild.ts");
        record.bootId = context.bootId;
        await dropNetns(context, record);
      }
      const status = await runBeside(context, work);
      if (status === "prepared") return status;
      reloadRecord(context, record);
      if (status === 0) await publishNames(context, record);
      return status;
    }
  }
}

/** Makes sure that a kept network is as it was, in the namespace that is still there. */
async function rejoin(context: CreateContext, record: SandboxRecord): Promise<void> {
  await context.netns.endClosingConnections(record.netns).catch((error: unknown) => {
    context.log.warn(
      { container: record.id, step: "end connections", err: error },
      "connections of the time before the stop may stay",
    );
  });
  // The runtime switches IPv6 off again where the container wants none: CHECK finds what ADD left.
  if (mayHaveIpv6(record)) {
    const { restoreIpv6 } = await import("../sandbox/restore-ipv6.ts");
    await restoreIpv6(context, record, { asAdded: true });
  }
  await checkOrReattach(context, record);
  if (record.ports === undefined) return;
  const { publishAgain } = await import("./take-ports.ts");
  await publishAgain(context, record);
}

/** Learns what the createRuntime hook wrote down. */
function reloadRecord(context: CreateContext, record: SandboxRecord): void {
  const attached = context.store.read(record.id);
  if (attached === undefined || attached === "unreadable") return;
  if (attached.ports === undefined) delete record.ports;
  Object.assign(record, attached);
}

/** How long the answer to a start that failed waits for the plugins to undo it, ms; then gc does. */
const UNDO_MS = 2000;

/**
 * Undoes a start that failed: a new network is released, a kept one stays for the next start. What cannot be undone now stays on
 * record for gc; the first error is the one told.
 */
async function undo(context: CreateContext, { bundle, plan }: Start): Promise<void> {
  const { record, before } = plan;
  const failed = (error: unknown): void =>
    context.log.error({ container: record.id, step: "undo", err: error }, "could not be undone");
  try {
    writeSpec(bundle, bundle.original);
  } catch (error) {
    failed(error);
  }
  if (before === undefined) {
    const signal = AbortSignal.timeout(UNDO_MS);
    const { release } = await import("../sandbox/release.ts");
    await release(context, record, { staysLocked: true, signal }).catch(failed);
  } else {
    try {
      context.store.markStopped(record.id);
    } catch (error) {
      failed(error);
    }
    if (publishedPorts(record).length > 0) {
      const { releaseOrLog } = await import("../sandbox/published.ts");
      await releaseOrLog(context, record).catch(failed);
    }
  }
  // Others may have been told of it already.
  await refreshHosts(context, record).catch(failed);
}
