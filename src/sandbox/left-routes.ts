import { containerAddresses, parseNetworkList } from "../cni/index.ts";
import type { SandboxRecord } from "../state/record.ts";
import type { SandboxContext } from "./context.ts";

/** Adds, for each family without a default route, the one that was asked for, else that of the first network that brings one. */
export async function fillDefaultRoutes(
  context: SandboxContext,
  record: SandboxRecord,
): Promise<void> {
  const { netns, log } = context;
  const present = await netns.defaultRoutes(record.netns);
  for (const isIpv6 of [false, true]) {
    if (present.some(({ family }) => (family === 6) === isIpv6)) continue;
    const gateway = gatewaysOf(context, record).find(
      (each) => each.gateway.includes(":") === isIpv6,
    );
    if (gateway === undefined) continue;
    await netns
      .setDefaultRoute(record.netns, gateway.gateway, gateway.ifName)
      .catch((error: unknown) => {
        log.warn({ container: record.id, step: "routes", err: error }, "no default route is left");
      });
  }
}

/** The gateways of default routes, by the results of the ADDs; those that were asked for come first. */
function gatewaysOf(
  { cni }: SandboxContext,
  { id: containerId, attachments }: SandboxRecord,
): { gateway: string; ifName: string }[] {
  const found = attachments.map(({ list, ifName, defaultRoute }) => {
    const result = cni.cachedResult(parseNetworkList(list), { containerId, ifName });
    const { gateways = [], routes = [] } =
      result === undefined ? {} : containerAddresses(result, ifName);
    const told = routes
      .filter(({ dst }) => dst === "0.0.0.0/0" || dst === "::/0")
      .flatMap(({ dst, gw }) => {
        const isOfIts = (gateway: string): boolean => gateway.includes(":") === dst.includes(":");
        return gw || (gateways.find(isOfIts) ?? []);
      });
    const asked = defaultRoute?.length === 0 ? gateways : defaultRoute;
    return { ifName, asked: asked ?? [], told };
  });
  return [
    ...found.flatMap(({ ifName, asked }) => asked.map((gateway) => ({ gateway, ifName }))),
    ...found.flatMap(({ ifName, told }) => told.map((gateway) => ({ gateway, ifName }))),
  ];
}
