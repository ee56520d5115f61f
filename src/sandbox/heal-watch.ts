import { mapConcurrently } from "../lib/concurrent.ts";
import type { SandboxContext } from "./context.ts";
import { type Health, healSandbox, isBroken } from "./heal.ts";
import { settleHosts } from "./hosts.ts";
import { type SandboxView, viewSandboxes } from "./view.ts";

/** A container whose network was broken, and what came of it. */
export interface Healed extends Health {
  id: string;
  name?: string;
}

/** How long a container that could not be healed is left alone, ms: its own healing makes for changes, too. */
const LEAVE_MS = 60_000;

/**
 * Heals the running containers, at first and after each of `changes`: something of the firewall was removed, as by a reload. Most
 * of these belong to containers that end: so one container of each network is checked, by turns, and the others only where that
 * one is broken. Ends with `changes`. What was broken is given to `tell`.
 */
export async function watchAndHeal(
  context: SandboxContext,
  changes: AsyncIterable<unknown>,
  tell: (healed: Healed) => void,
): Promise<void> {
  const leftAlone = new Map<string, number>();
  const heal = async (views: readonly SandboxView[]): Promise<void> => {
    const healed = await mapConcurrently(views, ({ id }) =>
      healSandbox(context, id, { isReloading: true }),
    );
    await settleHosts(context);
    for (const [place, health] of healed.entries()) {
      const { id = "", name } = views[place] ?? {};
      if (health.health === "broken") leftAlone.set(id, context.uptimeMs());
      if (health.health === "broken" || health.health === "healed")
        tell({ id, ...(name !== undefined && { name }), ...health });
    }
  };
  await heal(await running(context));
  let round = 0;
  for await (const _ of changes) {
    const now = context.uptimeMs();
    const views = (await running(context)).filter(
      ({ id }) => now - (leftAlone.get(id) ?? -LEAVE_MS) >= LEAVE_MS,
    );
    await heal(await findSuspects(context, views, round++));
  }
}

/** Those whose container runs; one that could not be healed counts as being made. */
async function running(context: SandboxContext): Promise<SandboxView[]> {
  const views = await viewSandboxes(context);
  return views.filter(({ state }) => state === "running" || state === "creating");
}

/** The containers of the networks on which the one whose turn it is is broken. An operation that is under way is no fault. */
async function findSuspects(
  context: SandboxContext,
  views: readonly SandboxView[],
  round: number,
): Promise<SandboxView[]> {
  const networks = new Map<string, SandboxView[]>();
  for (const view of views) {
    const key = view.record.attachments.map(({ network }) => network).join(" ");
    networks.set(key, [...(networks.get(key) ?? []), view]);
  }
  const suspects = await mapConcurrently([...networks.values()], async (members) => {
    const { id = "" } = members[round % members.length] ?? {};
    return (await isBroken(context, id)) ? members : [];
  });
  return suspects.flat();
}
