import { setTimeout as pause } from "node:timers/promises";
import { netnsName, netnsPath } from "../netns/netns.ts";
import { awaitsStart, stateByFolder } from "../state/running.ts";
import type { CreateCall } from "./args.ts";
import type { CreateContext } from "./create.ts";

/** How long a runtime that was left at work by a start that was killed is waited for, ms. */
const WAIT_MS = 2000;
const LOOK_AGAIN_MS = 20;

/**
 * Removes from the low-level runtime, whose folder of the container is `runtimeDir`, what a start that was killed left there: it
 * would refuse the id as one that exists. A container that runs is left to the runtime's own words.
 */
export async function removeInterrupted(
  { runtime, log, orphans }: Pick<CreateContext, "runtime" | "log" | "orphans">,
  call: CreateCall,
  runtimeDir: string,
): Promise<void> {
  const deadline = Date.now() + WAIT_MS;
  await orphans.end(netnsPath(netnsName(call.id)), { id: call.id, runtimeDir });
  while (stateByFolder(runtimeDir) === "unclear" && Date.now() < deadline) {
    await pause(LOOK_AGAIN_MS);
  }
  const state = stateByFolder(runtimeDir);
  if (state === "absent" || (state === "running" && !awaitsStart(runtimeDir))) return;
  log.warn({ container: call.id, step: "create" }, "what a start that was killed left is removed");
  await runtime.deleteForce(call);
}
