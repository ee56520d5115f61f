import { randomBytes } from "node:crypto";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createCni, type PluginStep } from "../cni/index.ts";
import type { Config } from "../config/config.ts";
import { withFields } from "../lib/log.ts";
import { callLimitMs } from "../runtime/time-limit.ts";
import type { SandboxContext } from "../sandbox/context.ts";
import { type GcOutcome, sweep } from "../sandbox/gc.ts";
import { noteEarlierBoots } from "../sandbox/unreserved.ts";
import type { SandboxStore } from "../state/store.ts";
import { TEST_PREFIX } from "./names.ts";

/**
 * The sandboxes of one run of `docker cni test`. They have a folder of state of their own, so that nothing of a container knows of
 * them; what is of the whole host (the locks on its networks, the first use of a network in a boot) they share with the containers.
 *
 * Their records name no engine's folder: they are released as soon as nobody holds their locks, which a process that ends in whatever
 * way does not.
 */
export interface Scratch extends SandboxContext {
  config: Config;
  /** The context of the containers. */
  containers: SandboxContext;
  /** Six hexadecimal digits in all of this run's names. */
  run: string;
  /** How many peers this run has made. */
  peers: number;
  /** The environment of plugins. */
  env: NodeJS.ProcessEnv;
  /** What the plugins were called for, in order. */
  steps: PluginStep[];
}

export interface ScratchOptions {
  config: Config;
  /** The context of the containers. */
  sandbox: SandboxContext;
  /** The same over another folder of state. */
  contextIn: (stateDir: string) => SandboxContext;
  env: NodeJS.ProcessEnv;
}

/** The context of the sandboxes of a run. */
export function openScratch({ config, sandbox, contextIn, env }: ScratchOptions): Scratch {
  const own = contextIn(scratchDir(config));
  const run = randomBytes(3).toString("hex");
  const steps: PluginStep[] = [];
  own.store.prepareAll();
  sandbox.store.prepareAll();
  // As the first start after a boot does it.
  noteEarlierBoots(sandbox);
  return {
    ...own,
    config,
    containers: sandbox,
    run,
    peers: 0,
    env,
    steps,
    log: withFields(own.log, { test: run }),
    firstUse: sandbox.firstUse,
    store: besideContainers(own.store, sandbox.store),
    locker: {
      lock(dir, mode, timeoutMs, gate) {
        if (dir !== own.store.dir) return own.locker.lock(dir, mode, timeoutMs, gate);
        const { store, locker } = sandbox;
        return locker.lock(store.dir, mode, timeoutMs, dirname(store.dir));
      },
    },
    cni: createCni({
      pluginDirs: config.cniBinDirs,
      cacheDir: join(scratchDir(config), "cni"),
      timeoutMs: config.pluginTimeoutMs,
      timeoutFor: ({ capabilityArgs = {} }) => callLimitMs(config, [capabilityArgs]),
      env,
      onPlugin: (step) => steps.push(step),
    }),
  };
}

/** The test's own store, in which an address is seen that is kept for a container while no plugin holds it. */
function besideContainers(own: SandboxStore, containers: SandboxStore): SandboxStore {
  const of = (id: string): SandboxStore => (id.startsWith(TEST_PREFIX) ? own : containers);
  return {
    ...own,
    pathOf: (id) => of(id).pathOf(id),
    read: (id) => of(id).read(id),
    listUnreserved: () => [...own.listUnreserved(), ...containers.listUnreserved()],
  };
}

/** The folder of state of all tests. */
export function scratchDir({ stateDir }: Pick<Config, "stateDir">): string {
  return join(stateDir, "test");
}

/** Notes that the sandboxes of this run are to stay for a person to look at. */
export function keepScratch({ config }: Scratch): void {
  writeFileSync(keptNote(config), "", { mode: 0o600 });
}

/**
 * Releases the sandboxes of tests that run no more. Those that a person wanted to look at stay where nobody but a hook or a timer
 * asks (`background`).
 */
export async function collectScratch(
  context: SandboxContext,
  config: Pick<Config, "stateDir">,
  { background = false, dryRun = false }: { background?: boolean; dryRun?: boolean } = {},
): Promise<GcOutcome[]> {
  if (context.store.list().length === 0) return [];
  if (background && existsSync(keptNote(config))) return [];
  const outcomes = await sweep(context, { dryRun, respectBackoff: background });
  if (!dryRun) rmSync(keptNote(config), { force: true });
  return outcomes;
}

function keptNote(config: Pick<Config, "stateDir">): string {
  return join(scratchDir(config), "kept");
}
