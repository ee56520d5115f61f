import { CniError, containerAddresses, parseNetworkList } from "../cni/index.ts";
import type { SandboxContext } from "./context.ts";
import type { SandboxRecord } from "./record.ts";

/** Messages of plugins that could not look: an agent that is away, no CHECK at all, a bridge without IPAM. */
const COULD_NOT = /connection refused|dial unix|not implemented|no plugin name provided/i;

/** Whether a CHECK could not be made, which tells nothing of the network (specification 1.1.0, section 5: 11 and 50). */
export function couldNotCheck(error: unknown): error is CniError {
  if (!(error instanceof CniError)) return false;
  return [11, 50].includes(error.code) || COULD_NOT.test(error.msg);
}

/** Says that a sandbox counts as well which could not be checked, and gives the reason; throws it where an interface is gone. */
export async function standUnchecked(
  context: SandboxContext,
  record: SandboxRecord,
  fault: CniError,
): Promise<string> {
  if (!(await hasAllLinks(context, record))) throw fault;
  context.log.warn({ container: record.id, step: "check", err: fault }, "could not be checked");
  return `it could not be checked: ${fault.message}`;
}

/** What can be seen of a sandbox without its plugins. */
async function hasAllLinks(context: SandboxContext, record: SandboxRecord): Promise<boolean> {
  if (!context.netns.isAlive(record.netns)) return false;
  for (const { list, ifName: asked } of record.attachments) {
    const ref = { containerId: record.id, ifName: asked };
    const result = context.cni.cachedResult(parseNetworkList(list), ref);
    const { ifName = asked } = result === undefined ? {} : containerAddresses(result, asked);
    if (!(await context.netns.hasLink(record.netns, ifName))) return false;
  }
  return true;
}
