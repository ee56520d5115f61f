import type { ChangingAttachment, RouteText } from "../state/record.ts";
import type { SandboxContext } from "./context.ts";

type Routes = NonNullable<ChangingAttachment["routes"]>;

/** The two halves of all addresses of a family: routes to them are taken before a default route. */
const HALVES = { 4: ["0.0.0.0/1", "128.0.0.0/1"], 6: ["::/1", "8000::/1"] } as const;

/**
 * The default routes of a container in whose namespace another network is about to be attached, and what stands in for them
 * meanwhile: plugins refuse to add a second default route, or add theirs in front of it, and the container is to notice nothing.
 * `taken`: destinations of its routes, which stay as they are.
 */
export function planStandIns(before: readonly RouteText[], taken: readonly string[]): Routes {
  const firsts = ([4, 6] as const).flatMap(
    (each) => before.find(({ family }) => family === each) ?? [],
  );
  const standIns = firsts.flatMap(({ family, text }) =>
    HALVES[family]
      .filter((half) => !taken.includes(half))
      .map((half): RouteText => ({ family, text: text.replace(/^default\b/, half) })),
  );
  return { before: [...before], standIns };
}

/** Reads what `planStandIns` plans with. */
export async function readRoutes({ netns }: SandboxContext, name: string): Promise<Routes> {
  const before = await netns.defaultRoutes(name);
  if (before.length === 0) return { before, standIns: [] };
  const { routes } = await netns.show(name);
  return planStandIns(
    before,
    routes.map(({ dst }) => dst),
  );
}

/** Puts the stand-ins in the place of the default routes. */
export async function standInForRoutes(
  { netns }: SandboxContext,
  name: string,
  { before, standIns }: Routes,
): Promise<void> {
  for (const route of standIns) await netns.changeRoute(name, "add", route);
  for (const route of before) await netns.changeRoute(name, "del", route);
}

/** Which default routes there are to be, of those from `before` an ADD and those that it `brought`. */
export function chooseRoutes(
  before: readonly RouteText[],
  brought: readonly RouteText[],
  isAsked: boolean,
): RouteText[] {
  return ([4, 6] as const).flatMap((family) => {
    const [own, other] = [before, brought].map((routes) =>
      routes.filter((route) => route.family === family),
    );
    const [first = [], second = []] = isAsked ? [other, own] : [own, other];
    return first.length > 0 ? first : second;
  });
}

/**
 * Leaves the `wanted` default routes and no others, then takes the stand-ins away. What was done of it already is passed over, and
 * what cannot be done is logged: the container may have changed its routes itself.
 */
export async function restoreDefaultRoutes(
  { netns, log }: SandboxContext,
  name: string,
  { standIns, wanted }: Routes & { wanted: readonly RouteText[] },
): Promise<void> {
  const change = (kind: "add" | "del", route: RouteText): Promise<void> =>
    netns.changeRoute(name, kind, route).catch((error: unknown) => {
      log.warn({ step: "routes", err: error }, `${name}: route ${kind} ${route.text} failed`);
    });
  const present = await netns.defaultRoutes(name);
  for (const route of present) if (!isAmong(route, wanted)) await change("del", route);
  for (const route of wanted) if (!isAmong(route, present)) await change("add", route);
  for (const route of standIns) await netns.changeRoute(name, "del", route).catch(() => {});
}

function isAmong(route: RouteText, others: readonly RouteText[]): boolean {
  return others.some(({ family, text }) => family === route.family && text === route.text);
}
