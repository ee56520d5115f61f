import { setTimeout as sleep } from "node:timers/promises";
import type { PluginConfig } from "./config.ts";
import { pluginEnv } from "./env.ts";
import { asCniError, CniError, errorCodes, type CniCommand } from "./errors.ts";
import type { PluginExec, PluginExit } from "./exec.ts";
import { isValidPluginType } from "./names.ts";
import { readOutput, type CallContext } from "./output.ts";
import type { Attachment } from "./recall.ts";
import type { Result } from "./result.ts";
import { pluginStdin } from "./stdin.ts";
import { errnoOf } from "./system-error.ts";

/** One call of a plugin, as it went: for logs and traces. */
export interface PluginStep {
  command: CniCommand;
  /** Empty for VERSION. */
  network: string;
  plugin: string;
  containerId?: string;
  ifName?: string;
  /** How long it took, in milliseconds. */
  ms: number;
  ok: boolean;
  stderr: string;
  error?: CniError;
  /** The caller of CHECK knows this error for a false alarm. */
  ignored?: true;
}

/** How often a plugin that answers "try again later" (code 11), or the whole ADD, is tried in all, and the first pause between. */
export interface RetryPolicy {
  attempts: number;
  /** Milliseconds; doubled each time, with up to half of it added or taken off at random. */
  pauseMs: number;
}

/** What every plugin call of one `Cni` has in common. */
export interface Invoker {
  exec: PluginExec;
  pluginDirs: readonly string[];
  timeoutMs: number;
  retry: RetryPolicy;
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal | undefined;
  onPlugin?: ((step: PluginStep) => void) | undefined;
}

/** A call that is ready to be made. */
export interface PluginRequest {
  command: CniCommand;
  plugin: string;
  network?: string;
  containerId?: string;
  ifName?: string;
  env: NodeJS.ProcessEnv;
  stdin: string;
  /** Faults that the caller knows for false alarms; they are thrown as any other, and marked where they are told of. */
  ignore?: ((fault: CniError) => boolean) | undefined;
}

/** The call of one plugin of an attachment's list. */
export function requestFor(
  { env, pluginDirs }: Invoker,
  call: Attachment & { command: CniCommand; plugin: PluginConfig; prevResult?: Result | undefined },
): PluginRequest {
  const { command, list, plugin, rt, prevResult } = call;
  const { containerId, ifName, capabilityArgs } = rt;
  return {
    command,
    plugin: plugin.type,
    network: list.name,
    containerId,
    ifName,
    env: pluginEnv(env, { command, pluginDirs, ...rt }),
    stdin: pluginStdin(list, plugin, { prevResult, capabilityArgs }),
  };
}

/** The plugin's path; throws a CniError that names the folders searched. */
export function findPlugin(
  invoker: Invoker,
  request: Pick<PluginRequest, "command" | "plugin" | "network">,
): string {
  const { command, plugin, network } = request;
  const { exec, pluginDirs } = invoker;
  if (!isValidPluginType(plugin)) {
    const msg = `invalid plugin type ${JSON.stringify(plugin)}: it has to be the plain name of an executable`;
    throw new CniError({ kind: "invalid", msg });
  }
  const path = exec.find(plugin, pluginDirs);
  if (path !== undefined) return path;
  const where =
    pluginDirs.length === 0
      ? "no plugin folder is configured"
      : `searched ${pluginDirs.join(", ")}`;
  const msg = `there is no plugin binary ${JSON.stringify(plugin)}; ${where}`;
  throw new CniError({ kind: "not-found", msg, command, plugin, network });
}

/** Calls a plugin, again when it asks for it, and returns what it printed; throws a CniError for all that fails. */
export async function callPlugin(invoker: Invoker, request: PluginRequest): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await callOnce(invoker, request);
    } catch (error) {
      if (!isWorthRetry(invoker, error, attempt)) throw error;
      await pauseAfter(invoker, attempt);
    }
  }
}

/** Whether a plugin has answered "try again later", and may be asked again after so many attempts. */
export function isWorthRetry({ retry }: Invoker, error: unknown, attempts: number): boolean {
  return asCniError(error).code === errorCodes.tryAgainLater && attempts < retry.attempts;
}

/** The pause after so many attempts. */
export async function pauseAfter(invoker: Invoker, attempts: number): Promise<void> {
  await pause(invoker, invoker.retry.pauseMs * 2 ** (attempts - 1));
}

/** The part of a request that error messages need. */
export function contextOf(
  { timeoutMs }: Invoker,
  { command, plugin, network }: PluginRequest,
): CallContext {
  return { command, plugin, network, timeoutMs };
}

/** Calls a plugin once and returns what it printed; throws a CniError for all that fails. */
export async function callOnce(invoker: Invoker, request: PluginRequest): Promise<string> {
  const path = findPlugin(invoker, request);
  const { command, plugin, network = "", containerId, ifName } = request;
  const start = performance.now();
  let stderr = "";
  const report = (outcome: Pick<PluginStep, "ok" | "error" | "ignored">): void => {
    const ids = {
      ...(containerId !== undefined && { containerId }),
      ...(ifName !== undefined && { ifName }),
    };
    const ms = performance.now() - start;
    tell(invoker, { command, network, plugin, ...ids, ms, stderr, ...outcome });
  };
  try {
    const exit = await startPlugin(invoker, request, path);
    ({ stderr } = exit);
    const stdout = await readOutput(exit, contextOf(invoker, request));
    report({ ok: true });
    return stdout;
  } catch (error) {
    const fault = asCniError(error);
    const ignored = request.ignore?.(fault) === true;
    report({ ok: false, error: fault, ...(ignored && { ignored }) });
    throw error;
  }
}

/** A listener that fails, at once or later, changes nothing of what the plugin did. */
function tell({ onPlugin }: Invoker, step: PluginStep): void {
  try {
    const answer: unknown = onPlugin?.(step);
    if (answer instanceof Promise) answer.catch(() => undefined);
  } catch {
    // Not the operation's fault.
  }
}

const busyAttempts = 6;
const busyPauseMs = 100;

/** Starts it, again while the kernel says "text file busy": somebody is just writing the binary. */
async function startPlugin(
  invoker: Invoker,
  request: PluginRequest,
  path: string,
): Promise<PluginExit> {
  const { env, stdin } = request;
  const { exec, timeoutMs, signal } = invoker;
  for (let attempt = 1; ; attempt++) {
    if (signal?.aborted) throw aborted(request);
    try {
      return await exec.run({ path, env, stdin, timeoutMs, signal });
    } catch (error) {
      const code = errnoOf(error);
      if (code === undefined) throw error;
      if (code !== "ETXTBSY" || attempt >= busyAttempts) {
        const { cannotRun } = await import("./cannot-run.ts");
        throw cannotRun(request, path, code, error);
      }
      await pause(invoker, busyPauseMs * 2 ** (attempt - 1));
    }
  }
}

async function pause({ signal }: Invoker, ms: number): Promise<void> {
  const jittered = ms * (0.5 + Math.random());
  try {
    await sleep(jittered, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    // Aborted: the next attempt says so.
    if (!signal?.aborted) throw error;
  }
}

function aborted({ command, plugin, network }: PluginRequest): CniError {
  return new CniError({
    kind: "aborted",
    msg: "it was aborted before it started",
    command,
    plugin,
    network,
  });
}
