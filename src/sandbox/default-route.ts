/** What an attachment brings for the default route. */
export interface RouteOffer {
  ifName: string;
  /** Gateways that were asked for; empty: the network's own; undefined: nothing was asked. */
  defaultRoute: readonly string[] | undefined;
  /** The gateways of the network's addresses. */
  gateways: readonly string[];
  routes: readonly { dst: string; gw?: string }[];
  /** The default routes that ADD left in the namespace, where it was looked at: plugins do not tell all of them. */
  seen?: readonly SeenRoute[];
}

/** A route as ip-route(8) prints it and takes it. */
export interface SeenRoute {
  family: 4 | 6;
  text: string;
}

export interface DefaultRoute {
  family: 4 | 6;
  gateway: string;
  ifName: string;
}

/**
 * The default routes to be set once every network is attached, one for each family where there is a choice: that of the
 * network that was asked to have it, else of the first network that brings one. Plugins themselves let the last network
 * win, or fail. Nothing where one network alone tells of a default route and none was asked for: there it stays. One that
 * was seen is told in any case.
 */
export function chooseDefaultRoutes(offers: readonly RouteOffer[]): (DefaultRoute | SeenRoute)[] {
  return ([4, 6] as const).flatMap((family) => {
    const asked = offers.flatMap(({ defaultRoute, gateways, ifName, seen = [] }) => {
      if (defaultRoute === undefined) return [];
      if (defaultRoute.length > 0) return routesVia(defaultRoute, family, ifName);
      return [...ofFamily(seen, family), ...routesVia(gateways, family, ifName)];
    });
    const brought = offers.flatMap((offer) => ownDefaults(offer, family).slice(0, 1));
    const [first, ...others] = brought;
    if (asked[0] !== undefined) return [asked[0]];
    return first !== undefined && ("text" in first || others.length > 0) ? [first] : [];
  });
}

function ownDefaults(offer: RouteOffer, family: 4 | 6): (DefaultRoute | SeenRoute)[] {
  const dst = family === 4 ? "0.0.0.0/0" : "::/0";
  const routes = offer.routes.filter((route) => route.dst === dst);
  const gateway = offer.gateways.find((each) => familyOf(each) === family);
  const told = routes.flatMap(({ gw }) => gw || (gateway ?? []));
  return [...ofFamily(offer.seen ?? [], family), ...routesVia(told, family, offer.ifName)];
}

function ofFamily(routes: readonly SeenRoute[], family: 4 | 6): SeenRoute[] {
  return routes.filter((route) => route.family === family);
}

function routesVia(gateways: readonly string[], family: 4 | 6, ifName: string): DefaultRoute[] {
  return gateways
    .filter((gateway) => familyOf(gateway) === family)
    .map((gateway) => ({ family, gateway, ifName }));
}

function familyOf(address: string): 4 | 6 {
  return address.includes(":") ? 6 : 4;
}
