import { containerAddresses, parseNetworkList } from "../cni/index.ts";
import type { SandboxContext } from "./context.ts";
import { chooseDefaultRoutes, type RouteOffer } from "./default-route.ts";
import { isWithoutIpv6 } from "./ipv6.ts";
import { cniIdOf, type SandboxRecord } from "../state/record.ts";

/** Switches IPv6 off where the container's sysctls say so, after an ADD that came later than they did. */
export async function dropIpv6(context: SandboxContext, record: SandboxRecord): Promise<void> {
  for (const ifName of record.withoutIpv6 ?? []) {
    if (ifName !== "all" && !(await context.netns.hasLink(record.netns, ifName))) continue;
    await context.netns.disableIpv6(record.netns, ifName);
  }
}

/**
 * Gives the sandbox's interfaces their IPv6 addresses and routes again: at every start of a container dockerd switches
 * IPv6 off on all interfaces of a namespace that it did not give IPv6 itself, and the kernel drops them. An interface that
 * is not there is left to CHECK. One that the container has without IPv6 stays so, unless all is to be `asAdded`.
 */
export async function restoreIpv6(
  context: SandboxContext,
  record: SandboxRecord,
  { asAdded = false } = {},
): Promise<void> {
  const offers: RouteOffer[] = [];
  for (const { list: raw, ifName: asked, addresses, defaultRoute } of record.attachments) {
    const list = parseNetworkList(raw);
    const result = context.cni.cachedResult(list, { containerId: cniIdOf(record), ifName: asked });
    const own = result && containerAddresses(result, asked);
    const ipv6 = addresses.filter((address) => address.includes(":"));
    if (own === undefined || ipv6.length === 0) continue;
    const { ifName = asked } = own;
    if (!asAdded && isWithoutIpv6(record, ifName)) continue;
    if (!(await context.netns.hasLink(record.netns, ifName))) continue;
    const gateway = own.gateways.find((each) => each.includes(":"));
    const routes = own.routes
      .filter(({ dst }) => dst.includes(":"))
      .map(({ dst, gw }) => ({ dst, gateway: gw || gateway }));
    await context.netns.restoreIpv6(record.netns, { ifName, addresses: ipv6, routes });
    offers.push({ ifName, defaultRoute, gateways: own.gateways, routes: own.routes });
  }
  for (const route of chooseDefaultRoutes(offers)) {
    if ("text" in route || route.family !== 6) continue;
    await context.netns.setDefaultRoute(record.netns, route.gateway, route.ifName);
  }
}
