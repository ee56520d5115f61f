import type { LogFields } from "../lib/log.ts";
import { publishedPorts, type SandboxRecord } from "../state/record.ts";
import type { SandboxContext } from "./context.ts";

/** What happens to a network, for `docker cni events`: see docs/commands.md. */
export type NetworkEvent =
  | "attach"
  | "detach"
  | "keep"
  | "heal"
  | "connect"
  | "disconnect"
  | "publish"
  | "unpublish"
  | "reserve"
  | "adopt";

/** Writes an event to the log, with what a tool that follows them has to know of the network. */
export function logEvent(
  { log }: SandboxContext,
  record: SandboxRecord,
  event: NetworkEvent,
  msg: string,
  more: LogFields = {},
): void {
  const { id: container, name, attachments } = record;
  const networks = attachments.map(({ network, ifName, addresses, mac }) => {
    return { network, interface: ifName, addresses, mac };
  });
  log.info({ container, name, event, networks, ports: publishedPorts(record), ...more }, msg);
}
