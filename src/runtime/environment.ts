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

/**
 * What belongs to one process, session or unit and says nothing to a plugin; those of containerd's shim name its
 * own sockets, and those of Docker's client its engine.
 */
const OF_A_PROCESS =
  /^(_|PWD|OLDPWD|SHLVL|INVOCATION_ID|JOURNAL_STREAM|NOTIFY_SOCKET|MAINPID|MANAGERPID|SYSTEMD_EXEC_PID|CREDENTIALS_DIRECTORY|TTRPC_ADDRESS|GRPC_ADDRESS|NAMESPACE|MAX_SHIM_VERSION|SCHED_CORE|GOMAXPROCS|TRACEPARENT|TRACESTATE|BAGGAGE|DOCKER_(HOST|CONTEXT|CONFIG|CLI_PLUGIN_.*)|((LISTEN|WATCHDOG|MEMORY_PRESSURE|CONTAINERD|OTEL|CNI)_.*))$/;

/**
 * The environment that a container's plugins have in every call, made by whom it may be: a start, the hook, gc or a person. It is
 * that of the engine, such as PATH and the proxies, without what belongs to a process.
 */
export function pluginEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const entries = Object.entries(env).flatMap(([name, value]): [string, string][] =>
    value === undefined || OF_A_PROCESS.test(name) ? [] : [[name, value]],
  );
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
