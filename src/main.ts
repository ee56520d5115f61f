import { readFileSync } from "node:fs";
import { uptime } from "node:os";
import { basename, dirname, resolve } from "node:path";
import { ownPluginExec } from "./bridge/self.ts";
import { createCni } from "./cni/index.ts";
import type { Config } from "./config/config.ts";
import { loadCachedConfig } from "./config/cache.ts";
import { describeError, UserError } from "./lib/errors.ts";
import { openLog } from "./lib/log.ts";
import { ipNetns } from "./netns/netns.ts";
import {
  type CreateCall,
  isOperatorCall,
  type OwnOptions,
  parseCreateCall,
  parseOwnOptions,
  GO_HOOK,
  isHookVerb,
} from "./runtime/args.ts";
import { create } from "./runtime/create.ts";
import { callersEnvironment } from "./runtime/environment.ts";
import { deleteContainer, processRuntime } from "./runtime/lowlevel.ts";
import { callLimitMs } from "./runtime/time-limit.ts";
import { spawnDetached } from "./sandbox/background.ts";
import type { SandboxContext } from "./sandbox/context.ts";
import { fileFirstUse } from "./state/first-use.ts";
import { flockLocker } from "./state/lock.ts";
import { fileStore } from "./state/store.ts";
import { processTracer, saveTrace, traced, type Tracer } from "./lib/trace.ts";

/** Runs one call of the launcher's and gives its exit status. */
async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const options = parseOwnOptions(argv);
  if (isHookVerb(options.rest[0])) {
    const config = await loadConfig(options);
    return inner(sandboxContext(config, env, processTracer(), options), config, options.rest);
  }
  if (isOperatorCall(options)) return operatorVerb(options, env);
  return makeContainer(options, env);
}

async function operatorVerb(options: OwnOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const tracer = processTracer();
  // A create needs no command line parser.
  const { runOperatorVerb } = await import("./cli/cli.ts");
  return runOperatorVerb({
    options,
    env,
    tracer,
    loadConfig: () => loadConfig(options),
    contextOver: (config) => sandboxContext(config, env, tracer, options),
  });
}

async function inner(
  context: SandboxContext,
  config: Config,
  argv: readonly string[],
): Promise<number> {
  try {
    if (argv[0] === GO_HOOK) {
      const { runGoHook } = await import("./runtime/go-hook.ts");
      await runGoHook(context, config, argv[1]);
      return 0;
    }
    const { runHookVerb } = await import("./runtime/hook-verbs.ts");
    return await runHookVerb(context, argv);
  } catch (error) {
    const fields = { container: argv.at(1), step: argv[0], event: "fail", err: error };
    context.log.error(fields, describeError(error));
    throw await hinted(error, undefined);
  }
}

async function makeContainer(options: OwnOptions, env: NodeJS.ProcessEnv): Promise<number> {
  let call: CreateCall | undefined;
  let config: Config | undefined;
  const tracer = processTracer();
  try {
    call = parseCreateCall(options.rest);
    const handedOn = call.preserveFds + Number(env["LISTEN_FDS"] ?? 0);
    const fds = options.fds.slice(0, handedOn);
    const { runtimePath: path, openFiles } = options;
    // The launcher may have found another runtime than a configuration means that it read otherwise: this says so.
    if (call.id !== "") {
      config = await loadConfig(options);
    }
    const lowLevel = processRuntime({ path, env, fds, openFiles });
    if (config === undefined) return await lowLevel.run(call);
    tracer.ended("configuration");
    const sandbox = sandboxContext(config, env, tracer, options);
    const runtime = traced(tracer, lowLevel, { run: "runtime", deleteForce: "undo: runtime" });
    const install = {
      launcher: resolve(options.launcher),
      hooksDir: resolve(options.hooks),
      configFile: options.configGiven ? resolve(options.config) : "",
    };
    const { launcher, configFile } = install;
    const named = configFile === "" ? [] : ["--config", configFile];
    const startGc = (): void =>
      spawnDetached(launcher, [...named, "--", "gc", "--background"], env);
    const finish = (id: string): void =>
      saveTrace(sandbox.store.pathOf(id), tracer.finish("create"));
    // Of a container whose networks were all disconnected nothing is left to be done.
    const becoming = { isInProcess: () => false, beforeBecoming: finish };
    const context = { ...sandbox, ...becoming, config, runtime, install, env, startGc };
    const status = await create(context, call);
    finish(call.id);
    return status;
  } catch (error) {
    logFault(config, call?.id, error);
    const fault = await hinted(error, config?.logFile);
    const { reportFault } = await import("./runtime/faultlog.ts");
    reportFault(call, `docker-cni: ${describeError(fault)}`);
    return 1;
  }
}

async function loadConfig({ config: file, configGiven, stateDir }: OwnOptions): Promise<Config> {
  const config = await loadCachedConfig(file, { optional: !configGiven });
  return stateDir === undefined ? config : { ...config, stateDir };
}

/** As withHint, which is loaded only for an error. */
async function hinted(error: unknown, logFile: string | undefined): Promise<unknown> {
  const { withHint } = await import("./runtime/hints.ts");
  return withHint(error, logFile);
}

function sandboxContext(
  config: Config,
  env: NodeJS.ProcessEnv,
  tracer: Tracer,
  { runtimePath }: OwnOptions,
): SandboxContext {
  const log = openLog({ file: config.logFile, level: config.logLevel });
  for (const warning of config.warnings) log.warn({ step: "config" }, warning);
  const store = fileStore(config.stateDir);
  const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return {
    store: traced(tracer, store, { write: "record" }),
    locker: traced(tracer, flockLocker(), { lock: "lock" }),
    netns: traced(tracer, ipNetns(config.stateDir), {
      add: "netns",
      loopbackUp: "lo up",
      remove: "netns removal",
    }),
    log,
    bootId,
    uptimeMs: () => uptime() * 1000,
    lockTimeoutMs: config.lockTimeoutMs,
    keepForMs: config.keepForMs,
    parkAfterMs: config.parkAfterMs,
    reserveForMs: config.reserveForMs,
    names: config.names,
    dnsDir: config.dnsDir,
    firstUse: fileFirstUse(store, bootId),
    orphans: {
      end: async (netns, container) => {
        const { orphanProcesses } = await import("./sandbox/orphan-processes.ts");
        await orphanProcesses().end(netns, container);
      },
    },
    deleteContainer: (runtimeDir) => {
      const key = { root: dirname(runtimeDir), id: basename(runtimeDir) };
      return deleteContainer(store.runtimeNotes.read(key)?.path ?? runtimePath, runtimeDir);
    },
    configured: async () => {
      const { configuredAttachments } = await import("./sandbox/recover.ts");
      return configuredAttachments(config.cniConfDir, config.ifName);
    },
    cni: createCni({
      pluginDirs: config.cniBinDirs,
      exec: ownPluginExec(),
      cacheDir: `${config.stateDir}/cni`,
      timeoutMs: config.pluginTimeoutMs,
      timeoutFor: ({ capabilityArgs = {} }) => callLimitMs(config, [capabilityArgs]),
      env,
      onPlugin(step) {
        const { containerId, network, plugin, command, ms, stderr } = step;
        tracer.ended(`${command} ${plugin}`, ms);
        const fields = {
          container: containerId,
          network,
          plugin,
          step: command,
          ms: Math.round(ms),
        };
        const level = step.ignored === true ? "debug" : "info";
        log[level](fields, step.ok ? "plugin done" : "plugin failed");
        if (stderr !== "") log.debug({ ...fields, stderr }, "plugin wrote to stderr");
      },
    }),
  };
}

function logFault(config: Config | undefined, container: string | undefined, error: unknown): void {
  if (config === undefined) return;
  const log = openLog({ file: config.logFile, level: config.logLevel });
  log.error({ container, event: "fail", err: error }, describeError(error));
}

function start(): void {
  if (process.argv0.endsWith("docker-cni-bridge")) {
    void import("./bridge/main.ts").then(({ runBridge }) => runBridge());
    return;
  }
  main(process.argv.slice(2), callersEnvironment(process.env)).then(
    (status) => {
      // Without taking the heap down piece by piece. Output is not lost: on Linux it is written at once.
      process.exit(status);
    },
    (error: unknown) => {
      process.stderr.write(`docker-cni: ${describeError(error)}\n`);
      process.exitCode = error instanceof UserError ? 1 : 70;
    },
  );
}

start();
