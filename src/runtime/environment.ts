const KEPT = "DOCKER_CNI_KEPT_";
/** What the launcher says to this program's engine. */
const FOR_ENGINE = new Set(["BUN_JSC_useWarmUpMarkedBlocks", "BUN_GC_TIMER_DISABLE"]);

/** The environment as the engine gave it: what the launcher took out of this program's way is put back. */
export function callersEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const entries = Object.entries(env)
    .filter(([name]) => !FOR_ENGINE.has(name))
    .map(([name, value]): [string, string | undefined] =>
      name.startsWith(KEPT) ? [name.slice(KEPT.length), value] : [name, value],
    );
  return Object.fromEntries(entries);
}
