import type { SandboxContext } from "./context.ts";
import { chooseDefaultRoutes, type RouteOffer, type SeenRoute } from "./default-route.ts";

/** The default routes of a namespace that several networks are attached to, one after another. */
export interface DefaultRoutes {
  /**
   * What the last ADD left. Unless it was the last one they are taken away: some plugins refuse to add a second default route, and
   * others add theirs beside it.
   */
  take(isLast: boolean): Promise<SeenRoute[]>;
  /** Leaves the chosen one of each family, where there is any. */
  settle(offers: readonly RouteOffer[]): Promise<void>;
}

/** Looks after the default routes of the namespace `name`. */
export function defaultRoutes({ netns }: SandboxContext, name: string): DefaultRoutes {
  let present: SeenRoute[] = [];
  const remove = async (routes: readonly SeenRoute[]): Promise<void> => {
    for (const route of routes) await netns.changeRoute(name, "del", route);
  };
  return {
    async take(isLast) {
      present = await netns.defaultRoutes(name);
      const seen = present;
      if (isLast) return seen;
      await remove(seen);
      present = [];
      return seen;
    },
    async settle(offers) {
      for (const chosen of chooseDefaultRoutes(offers)) {
        const others = present.filter((route) => route.family === chosen.family);
        if (!("text" in chosen)) {
          await netns.setDefaultRoute(name, chosen.gateway, chosen.ifName);
          continue;
        }
        await remove(others.filter(({ text }) => text !== chosen.text));
        const isThere = others.some(({ text }) => text === chosen.text);
        if (!isThere) await netns.changeRoute(name, "add", chosen);
      }
    },
  };
}
