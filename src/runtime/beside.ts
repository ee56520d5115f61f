import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { isEngineThere } from "../engine/container-dir.ts";
import { writeSpec } from "../oci/bundle.ts";
import { hasSetKeyHook, hooksBeforeStart, setsInterface } from "../oci/spec.ts";
import { mayHaveIpv6 } from "../sandbox/ipv6.ts";
import { howNamed } from "../sandbox/hosts.ts";
import { publishNames } from "../sandbox/publish-names.ts";
import { logEvent } from "../sandbox/network-event.ts";
import { transition } from "../state/transitions.ts";
import type { SandboxRecord } from "../state/record.ts";
import type { CreateContext } from "./create.ts";
import { sandboxSpec } from "./hooks.ts";
import type { Start, Started } from "./start.ts";

/**
 * Runs the runtime's `create` and the `network` beside each other, where there is one to be made: the runtime only needs the
 * namespace to exist, the network has to be ready by `start`.
 */
export async function runBeside(
  context: CreateContext,
  work: Start,
  network?: () => Promise<void>,
): Promise<Started> {
  const { call, bundle, plan } = work;
  writeSpec(bundle, sandboxSpec(context, work));
  const attach = async (): Promise<void> => {
    if (network !== undefined) await makeReady(context, plan.record, network);
  };
  if (call.command !== "create") {
    await attach();
    return "prepared";
  }
  noteSettleBeforeStart(context, work);
  const isLeft = plan.record.attachments.every(({ list }) => context.isInProcess?.(list));
  if (isLeft && context.isInProcess && network && !losesIpv6(work)) {
    await attach();
    const { becomeRuntime } = await import("./leave-to-runtime.ts");
    return becomeRuntime(context, work);
  }
  const [attached, runtime] = await Promise.allSettled(inOrder(context, work, attach));
  if (attached.status === "rejected") throw attached.reason;
  if (runtime.status === "rejected") throw runtime.reason;
  if (isRemoved(plan.record)) {
    const { removedMeanwhile } = await import("./refusals.ts");
    throw removedMeanwhile(call.id);
  }
  return runtime.value;
}

/**
 * Without a hook of its own dockerd sees to the namespace when the runtime's create is done, and changes it. From version
 * 26 on it writes the hosts file anew then, hook or not.
 */
function noteSettleBeforeStart(context: CreateContext, { bundle, plan: { record } }: Start): void {
  const isNamed = howNamed(context, [record]) !== "off";
  const hosts = isNamed ? record.files?.hosts : undefined;
  const changesNetwork = record.containerDir !== undefined && !hasSetKeyHook(bundle.spec);
  if (changesNetwork && (isNamed || mayHaveIpv6(record))) {
    context.store.markSettleBeforeStart(record.id, "always");
  } else {
    context.store.markSettleBeforeStart(record.id, hosts === undefined ? undefined : { hosts });
  }
}

/** Makes the network and runs the runtime, beside each other where neither gets in the other's way. */
function inOrder(
  context: CreateContext,
  work: Start,
  attach: () => Promise<void>,
): [Promise<void>, Promise<number>] {
  const {
    call,
    bundle,
    plan: { record },
  } = work;
  // Hooks of others may look for the network.
  if (hooksBeforeStart(bundle.spec).length > 0 || setsInterface(bundle.spec)) {
    const network = attach();
    const runtime = network.then(() => context.runtime.run(call));
    const restored = runtime.then(async () => {
      if (!losesIpv6(work)) return;
      const { restoreIpv6 } = await import("../sandbox/restore-ipv6.ts");
      await restoreIpv6(context, record);
    });
    return [network.then(() => restored), runtime];
  }
  // The runtime takes longer: it goes first.
  const runtime = context.runtime.run(call);
  if (!losesIpv6(work)) return [attach(), runtime];
  return [runtime.then((status) => (status === 0 ? attach() : undefined)), runtime];
}

/** dockerd's own hook switches IPv6 off for a moment: an address or a route that is added then is refused. */
function losesIpv6({ bundle, plan: { record } }: Start): boolean {
  return mayHaveIpv6(record) && hasSetKeyHook(bundle.spec);
}

/**
 * Makes the `network`, notes it and writes the names, while the runtime may still be at work. (An engine that writes the hosts file
 * itself does so before it calls the runtime or when that is done, and then there is another occasion.)
 */
async function makeReady(
  context: CreateContext,
  record: SandboxRecord,
  network: () => Promise<void>,
): Promise<void> {
  try {
    await network();
  } catch (error) {
    const { explainUsedUp } = await import("../sandbox/used-up.ts");
    throw explainUsedUp(context, record, error);
  }
  if (record.state !== "attached") transition(context.store, record, "attached");
  logEvent(context, record, "attach", "attached");
  await publishNames(context, record);
}

/** Whether its engine has removed the container while it was being made: nobody will start it. */
function isRemoved({ containerDir }: SandboxRecord): boolean {
  return (
    containerDir !== undefined && !existsSync(containerDir) && isEngineThere(dirname(containerDir))
  );
}
