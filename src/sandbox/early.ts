import { setTimeout as pause } from "node:timers/promises";
import { CniError, parseNetworkList } from "../cni/index.ts";
import type { SandboxContext } from "./context.ts";
import type { SandboxRecord } from "../state/record.ts";

/** Until when after the boot of the host the daemon of a network may not have come up yet, ms. */
const EARLY_MS = 600_000;
/** How long a start waits for it, and how often it looks, ms. */
const WAIT_MS = 30_000;
const PAUSE_MS = 500;

/** Messages of plugins whose daemon does not answer, or has not written its files yet. */
const NO_DAEMON =
  /connection refused|dial (unix|tcp)|\/(var\/)?(run|lib)\/(?!netns\/)\S*: no such file or directory/i;

/** Whether a plugin said that it cannot serve now (specification 1.1.0, section 5: 11 and 50), or could not reach its daemon. */
export function isUnavailable({ code, msg }: CniError): boolean {
  return [11, 50].includes(code) || NO_DAEMON.test(msg);
}

/** Why the plugins of a sandbox cannot serve now, by STATUS; undefined when they can, or cannot tell. */
export async function unavailableReason(
  { cni }: SandboxContext,
  { attachments }: SandboxRecord,
): Promise<CniError | undefined> {
  for (const { list } of attachments) {
    try {
      await cni.statusNetworkList(parseNetworkList(list));
    } catch (error) {
      if (!(error instanceof CniError)) throw error;
      if (isUnavailable(error)) return error;
    }
  }
  return undefined;
}

/**
 * Runs `attach` again, which failed for `error`, as long as that is because a plugin cannot serve yet early in a boot: engines do
 * not try a failed start at boot again. Undefined when it succeeded, else its last fault. Holds no lock while it waits.
 */
export async function attachWhenReady(
  context: SandboxContext,
  record: SandboxRecord,
  { error, attach }: { error: CniError; attach: () => Promise<void> },
): Promise<CniError | undefined> {
  const deadline = Date.now() + WAIT_MS;
  let fault = error;
  while (context.uptimeMs() < EARLY_MS && Date.now() < deadline) {
    if (!isUnavailable(fault) && !(await unavailableReason(context, record))) return fault;
    const step = { container: record.id, step: "add", err: fault };
    if (fault === error) context.log.warn(step, "waits for the network's plugins, early in a boot");
    await pause(PAUSE_MS);
    try {
      await attach();
      return undefined;
    } catch (next) {
      if (!(next instanceof CniError)) throw next;
      fault = next;
    }
  }
  return fault;
}
