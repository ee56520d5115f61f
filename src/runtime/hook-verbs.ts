import { UserError } from "../lib/errors.ts";
import type { SandboxContext } from "../sandbox/context.ts";
import { publishNames } from "../sandbox/publish-names.ts";
import { mayHaveIpv6 } from "../sandbox/ipv6.ts";
import { attachNew, lockSandbox } from "../sandbox/life.ts";
import { logEvent } from "../sandbox/network-event.ts";
import type { SandboxRecord } from "../state/record.ts";
import { transition } from "../state/transitions.ts";

/**
 * `attach-netns [--locked] ID PID`: attaches the network namespace of a process, from the createRuntime hook.
 * `settle ID`: puts right what an engine changed between the runtime's create and start.
 */
export async function runHookVerb(
  context: SandboxContext,
  argv: readonly string[],
): Promise<number> {
  const [verb, ...rest] = argv;
  const [id = "", pid = ""] = rest.filter((arg) => arg !== "--locked");
  const work = () => (verb === "settle" ? settle(context, id) : attachNetns(context, id, pid));
  if (rest.includes("--locked")) {
    await work();
    return 0;
  }
  const lock = await lockSandbox(context, id);
  try {
    await work();
  } finally {
    lock.release();
  }
  return 0;
}

async function attachNetns(context: SandboxContext, id: string, pid: string): Promise<void> {
  const record = recordOf(context, id);
  if (!/^[1-9]\d*$/.test(pid)) {
    throw new UserError("BAD_ARGS", `the low-level runtime did not tell the process of ${id}`);
  }
  await context.netns.attach(record.netns, Number(pid));
  await context.netns.loopbackUp(record.netns);
  await attachNew(context, record);
  transition(context.store, record, "attached");
  logEvent(context, record, "attach", "attached");
}

async function settle(context: SandboxContext, id: string): Promise<void> {
  const record = recordOf(context, id);
  if (mayHaveIpv6(record)) {
    const { restoreIpv6 } = await import("../sandbox/restore-ipv6.ts");
    await restoreIpv6(context, record);
  }
  await publishNames(context, record);
}

function recordOf(context: SandboxContext, id: string): SandboxRecord {
  const record = context.store.read(id);
  if (record !== undefined && record !== "unreadable") return record;
  throw new UserError("NO_SUCH_CONTAINER", `no network of container ${id} is known`);
}
