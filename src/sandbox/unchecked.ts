import { CniError, containerAddresses, parseNetworkList } from "../cni/index.ts";
import { parseIpWithPrefix } from "../lib/ip.ts";
import type { Seen } from "../netns/show.ts";
import type { SandboxContext } from "./context.ts";
import { isUnavailable } from "./early.ts";
import { cniIdOf, type SandboxRecord } from "../state/record.ts";

/** Messages of plugins that could not look: no CHECK at all, a bridge without IPAM. */
const COULD_NOT = /not implemented|no plugin name provided/i;

/** Whether a CHECK could not be made, which tells nothing of the network (specification 1.1.0, section 5: 11 and 50). */
export function couldNotCheck(error: unknown): error is CniError {
  if (!(error instanceof CniError)) return false;
  return isUnavailable(error) || COULD_NOT.test(error.msg);
}

/** Says that a sandbox counts as well which could not be checked, and gives the reason; throws it where it is not as recorded. */
export async function standUnchecked(
  context: SandboxContext,
  record: SandboxRecord,
  fault: CniError,
): Promise<string> {
  if (!(await isAsRecorded(context, record))) throw fault;
  context.log.warn({ container: record.id, step: "check", err: fault }, "could not be checked");
  return `it could not be checked: ${fault.message}`;
}

/** What can be seen of a sandbox without its plugins: its interfaces, addresses and routes are those that ADD told. */
async function isAsRecorded(context: SandboxContext, record: SandboxRecord): Promise<boolean> {
  if (!context.netns.isAlive(record.netns)) return false;
  const seen = readNamespace(await context.netns.show(record.netns));
  for (const { list, ifName: asked, addresses } of record.attachments) {
    const ref = { containerId: cniIdOf(record), ifName: asked };
    const result = context.cni.cachedResult(parseNetworkList(list), ref);
    const told = result === undefined ? undefined : containerAddresses(result, asked);
    const { ifName = asked, ips = addresses, routes = [] } = told ?? {};
    if (!(await context.netns.hasLink(record.netns, ifName))) return false;
    const hasIps = ips.every(
      (ip) => isSwitchedOff(seen, ip) || seen.addresses.has(onLink(ip, ifName)),
    );
    const hasRoutes = routes.every(
      ({ dst }) => isSwitchedOff(seen, dst) || seen.routes.has(asRoute(dst)),
    );
    if (!hasIps || !hasRoutes) return false;
  }
  return true;
}

interface Namespace {
  /** `address/length%interface`, canonical. */
  addresses: ReadonlySet<string>;
  /** Destinations as ip(8) prints them. */
  routes: ReadonlySet<string>;
  hasIpv6: boolean;
}

function readNamespace({ interfaces, routes }: Seen): Namespace {
  const links = interfaces.flatMap(({ name, addresses }) =>
    addresses.map((address) => onLink(address, name)),
  );
  return {
    addresses: new Set(links),
    routes: new Set(routes.map(({ dst }) => dst)),
    hasIpv6: links.includes("::1/128%lo"),
  };
}

/** Without an address of its own the loopback interface has no IPv6, and then no other interface has. */
function isSwitchedOff({ hasIpv6 }: Namespace, address: string): boolean {
  return !hasIpv6 && address.includes(":");
}

function onLink(address: string, ifName: string): string {
  const ip = parseIpWithPrefix(address);
  return `${ip === undefined ? address : `${ip.text}/${ip.prefix ?? ""}`}%${ifName}`;
}

/** A destination of a result as ip(8) prints it. */
function asRoute(dst: string): string {
  const ip = parseIpWithPrefix(dst);
  if (ip?.prefix === undefined) return dst;
  if (ip.prefix === 0) return "default";
  return ip.prefix === (ip.family === 4 ? 32 : 128) ? ip.text : `${ip.text}/${ip.prefix}`;
}
