import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ifThere } from "../lib/errors.ts";
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
  { runtime, log }: Pick<CreateContext, "runtime" | "log">,
  call: CreateCall,
  runtimeDir: string,
): Promise<void> {
  const deadline = Date.now() + WAIT_MS;
  const isAtWork = (): boolean =>
    stateByFolder(runtimeDir) === "unclear" || isMaking(runtime.path, call.id);
  while (isAtWork() && Date.now() < deadline) await pause(LOOK_AGAIN_MS);
  const state = stateByFolder(runtimeDir);
  if (state === "absent" || (state === "running" && !awaitsStart(runtimeDir))) return;
  log.warn({ container: call.id, step: "create" }, "what a start that was killed left is removed");
  await runtime.deleteForce(call);
}

/** Whether a process of the runtime makes the container; it is not this one's, whose own has not begun. */
function isMaking(runtimePath: string, id: string): boolean {
  // The kernel keeps 15 bytes of a name.
  const name = basename(runtimePath).slice(0, 15);
  return readdirSync("/proc").some((pid) => {
    if (!/^\d+$/.test(pid) || readProcess(pid, "comm")?.trim() !== name) return false;
    const args = readProcess(pid, "cmdline")?.split("\0") ?? [];
    return args.includes("create") && args.includes(id);
  });
}

function readProcess(pid: string, file: "comm" | "cmdline"): string | undefined {
  return ifThere(() => readFileSync(`/proc/${pid}/${file}`, "utf8"), ["ENOENT", "ESRCH"]);
}
