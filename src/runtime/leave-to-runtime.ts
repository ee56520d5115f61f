import { hasGarbage } from "../state/facts.ts";
import { markMaking } from "../state/making.ts";
import type { CreateContext } from "./create.ts";
import type { Start } from "./start.ts";

/**
 * Becomes the low-level runtime that makes the container, when its network is there and nothing is left to be done. Of a new
 * container it is noted that what the runtime answers is not known: the launcher at `start` or `delete`, the next start or gc
 * learn it from what is there. Gives the runtime's exit status where this process cannot become it.
 */
export async function becomeRuntime(
  context: CreateContext,
  { call, plan: { before } }: Start,
): Promise<number> {
  const { store, runtime, startGc } = context;
  if (before === undefined) markMaking(store, call.id);
  // What else would be done while the runtime is at work.
  if (store.isSweepDue() || hasGarbage(context)) startGc();
  context.beforeBecoming?.(call.id);
  await runtime.become(call);
  const status = await runtime.run(call);
  if (before === undefined && status === 0) store.clearStopped(call.id);
  return status;
}
