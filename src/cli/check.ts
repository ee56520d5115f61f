import { setTimeout as pause } from "node:timers/promises";
import { mapConcurrently } from "../lib/concurrent.ts";
import { UserError } from "../lib/errors.ts";
import { shortId } from "../lib/short-id.ts";
import { Command } from "commander";
import type { SandboxContext } from "../sandbox/context.ts";
import { checkSandbox, type Health, healSandbox } from "../sandbox/heal.ts";
import { settleHosts } from "../sandbox/hosts.ts";
import { viewSandboxes } from "../sandbox/view.ts";
import type { OperatorCall } from "./cli.ts";
import { pickIfThere } from "./find.ts";
import { NOTHING, table } from "./table.ts";
import { printable, style, type Style } from "./terminal.ts";
import { findUnattached } from "./unattached.ts";

/** A container as `check --json` and `heal --json` tell of it; `none`: it has no CNI network, for this reason. */
interface Examined {
  id: string;
  name: string | null;
  health: Health["health"] | "none";
  reason?: string;
}

/** `check`: CNI CHECK. Exit status 1 when a network is not as it was made. */
export function checkCommand(call: OperatorCall): Command {
  return healthCommand(call, checkSandbox, {
    name: "check",
  });
}

/** `heal`: builds what CHECK finds broken, with the same addresses. Exit status 1 when something stays broken. */
export function healCommand(call: OperatorCall): Command {
  return healthCommand(call, healSandbox, {
    name: "heal",
    after: async (context) => {
      await settleHosts(context);
      await reopen(call, (line) => process.stderr.write(`docker-cni: ${line}\n`));
    },
  }).option("--watch", "stay, and heal whenever rules of the firewall were removed");
}

/** How long nft takes until it hears of changes, ms. */
const LISTENS_AFTER_MS = 300;

/** Heals until a signal ends it; what was healed is printed and logged. */
async function watch(call: OperatorCall): Promise<void> {
  const { config, contextOver, print } = call;
  const { pinoLog } = await import("./pino-log.ts");
  const { firewallChanges } = await import("./firewall-changes.ts");
  const { watchAndHeal } = await import("../sandbox/heal-watch.ts");
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    // Not `once`: execa ends the process where it finds no other listener than its own.
    process.on(signal, () => ending.abort());
  }
  await reopen(call, print);
  const log = pinoLog({ file: config.logFile, level: config.logLevel });
  const [{ merge }, { on }] = await Promise.all([import("../lib/merge.ts"), import("node:events")]);
  const changes = merge<unknown>(
    firewallChanges(ending.signal),
    // A reload of what rules of the host come from, which systemd passes on: not all of them are heard of by nft.
    on(process, "SIGHUP"),
  );
  // What is removed before nft hears of it is seen by the first look.
  await pause(LISTENS_AFTER_MS);
  await watchAndHeal({ ...contextOver(config), log }, changes, ({ id, name, health, reason }) =>
    print(`${name ?? shortId(id)} ${health}: ${reason ?? ""}`),
  );
}

/** Makes again by what the host reaches macvlan networks, as after a reboot. */
async function reopen({ config, env }: OperatorCall, tell: (line: string) => void): Promise<void> {
  const { readNetworks } = await import("./network-folder.ts");
  const { markOf } = await import("../networks/mark.ts");
  const { lists } = await readNetworks(config.cniConfDir);
  const opened = lists.filter((list) => markOf(list)?.hostAccess !== undefined);
  if (opened.length === 0) return;
  const [{ localHost }, { openAll }] = await Promise.all([
    import("../doctor/local-host.ts"),
    import("./host-access.ts"),
  ]);
  await openAll(localHost(env), opened, (line) => tell(printable(line)));
}

const COLOURS: Record<Examined["health"], Style> = {
  ok: "green",
  healed: "green",
  later: "yellow",
  busy: "yellow",
  broken: "red",
  gone: "dim",
  none: "dim",
};

interface HealthFlags {
  json?: boolean;
  watch?: boolean;
}

interface HealthOptions {
  name: string;
  /** What is done once for all of them. */
  after?: (context: SandboxContext) => Promise<void>;
}

/** A change of the firewall tells of no container, and what is healed is told as it happens. */
function assertWatchesAll(container: string | undefined, json: boolean | undefined): void {
  const more = container ?? (json === true ? "--json" : undefined);
  if (more === undefined) return;
  throw new UserError("BAD_ARGS", `heal --watch goes with no ${JSON.stringify(more)}`, {
    hint: "leave one of them out: --watch heals all containers, and prints lines",
  });
}

function healthCommand(
  call: OperatorCall,
  examine: (context: SandboxContext, id: string) => Promise<Health>,
  { name, after }: HealthOptions,
): Command {
  const { sandbox, print, exit } = call;
  return new Command(name)
    .argument("[container]", "its name, or its id or the beginning of it; without it, all")
    .option("--json", "print an array of objects, one a container")
    .action(async (container: string | undefined, { json, watch: stays }: HealthFlags) => {
      if (stays === true) {
        assertWatchesAll(container, json);
        return watch(call);
      }
      const all = await viewSandboxes(sandbox);
      const view = container === undefined ? undefined : pickIfThere(all, container);
      const views = container === undefined ? all : [view ?? []].flat();
      const found: Examined[] = [];
      if (container !== undefined && view === undefined) {
        const unattached = await findUnattached(call, all, container);
        found.push({
          id: unattached.id,
          name: unattached.name,
          health: "none",
          reason: unattached.reason,
        });
      }
      const examined = await mapConcurrently(views, ({ id }) => examine(sandbox, id));
      for (const [place, { id, name: of }] of views.entries()) {
        found.push({ id, name: of ?? null, ...(examined[place] ?? { health: "gone" }) });
      }
      await after?.(sandbox);
      if (json) print(JSON.stringify(found, null, 2));
      else {
        const rows = found.map((each) => [
          each.name ?? NOTHING,
          shortId(each.id),
          style(each.health, COLOURS[each.health]),
          each.reason ?? "",
        ]);
        print(...table([["CONTAINER", "ID", "HEALTH", "REASON"], ...rows]));
      }
      if (found.some(({ health }) => health === "broken" || health === "busy")) exit(1);
    });
}
