/** What an attachment brings for the default route. */
export interface RouteOffer {
  ifName: string;
  /** Gateways that were asked for; empty: the network's own; undefined: nothing was asked. */
  defaultRoute: readonly string[] | undefined;
  /** The gateways of the network's addresses. */
  gateways: readonly string[];
  routes: readonly { dst: string; gw?: string }[];
}

export interface DefaultRoute {
  gateway: string;
  ifName: string;
}

/**
 * The default routes to be set once every network is attached, one for each family where there is a choice: that of the
 * network that was asked to have it, else of the first network that brings one. Plugins themselves let the last network
 * win, or fail. Nothing where one network alone brings a default route and none was asked for.
 */
export function chooseDefaultRoutes(offers: readonly RouteOffer[]): DefaultRoute[] {
  return ([4, 6] as const).flatMap((family) => {
    const asked = offers.flatMap((offer) => {
      const own = offer.defaultRoute?.length === 0 ? offer.gateways : (offer.defaultRoute ?? []);
      return routesVia(own, family, offer.ifName);
    });
    const brought = offers.flatMap((offer) =>
      routesVia(ownDefaults(offer, family), family, offer.ifName).slice(0, 1),
    );
    const chosen = asked[0] ?? (brought.length > 1 ? brought[0] : undefined);
    return chosen === undefined ? [] : [chosen];
  });
}

function ownDefaults(offer: RouteOffer, family: 4 | 6): string[] {
  const dst = family === 4 ? "0.0.0.0/0" : "::/0";
  const routes = offer.routes.filter((route) => route.dst === dst);
  const gateway = offer.gateways.find((each) => familyOf(each) === family);
  return routes.flatMap(({ gw }) => gw || (gateway ?? []));
}

function routesVia(gateways: readonly string[], family: 4 | 6, ifName: string): DefaultRoute[] {
  return gateways
    .filter((gateway) => familyOf(gateway) === family)
    .map((gateway) => ({ gateway, ifName }));
}

function familyOf(address: string): 4 | 6 {
  return address.includes(":") ? 6 : 4;
}
