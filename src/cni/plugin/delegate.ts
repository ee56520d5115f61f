import { convertResult } from "../convert.ts";
import { pluginEnv } from "../env.ts";
import { CniError, errorCodes, type CniCommand } from "../errors.ts";
import { realPluginExec, type PluginExec } from "../exec.ts";
import { callOnce, contextOf, type Invoker, type PluginRequest } from "../invoke.ts";
import { formatJson } from "../json.ts";
import { readAddOutput } from "../output.ts";
import type { Result } from "../result.ts";
import { currentVersion } from "../versions.ts";
import type { CmdArgs } from "./cmd-args.ts";
import type { PluginConf } from "./plugin-conf.ts";

export interface DelegateOptions {
  /** What the other plugin gets on stdin; default this plugin's own configuration, as IPAM plugins want it. */
  config?: PluginConf;
  /** How it is found and run; default as a child in this plugin's process group, which a runtime kills as a whole. */
  exec?: PluginExec;
}

/**
 * ADD by another plugin of CNI_PATH, most often the one of `config.ipam.type` (specification 1.1.0, section 4). Returns its result
 * in the newest version of the specification. Throws a CniError that names the plugin when it is missing or fails; what it may have
 * reserved is `delegateDel`'s to give back.
 */
export async function delegateAdd(
  args: CmdArgs,
  type: string | undefined,
  options: DelegateOptions = {},
): Promise<Result> {
  const { invoker, request, cniVersion } = prepare("ADD", args, type, options);
  const stdout = await callOnce(invoker, request);
  const result = readAddOutput(stdout, cniVersion, contextOf(invoker, request));
  return convertResult(result, currentVersion);
}

/** CHECK by another plugin; see `delegateAdd`. */
export async function delegateCheck(...call: DelegateCall): Promise<void> {
  await delegate("CHECK", ...call);
}

/** DEL by another plugin; see `delegateAdd`. Also from `add`, to undo what the other plugin did. */
export async function delegateDel(...call: DelegateCall): Promise<void> {
  await delegate("DEL", ...call);
}

/** GC by another plugin; see `delegateAdd`. */
export async function delegateGc(...call: DelegateCall): Promise<void> {
  await delegate("GC", ...call);
}

/** STATUS by another plugin; see `delegateAdd`. */
export async function delegateStatus(...call: DelegateCall): Promise<void> {
  await delegate("STATUS", ...call);
}

type DelegateCall = [args: CmdArgs, type: string | undefined, options?: DelegateOptions];

async function delegate(command: CniCommand, ...call: DelegateCall): Promise<void> {
  const { invoker, request } = prepare(command, ...call);
  await callOnce(invoker, request);
}

interface Prepared {
  invoker: Invoker;
  request: PluginRequest;
  cniVersion: string;
}

function prepare(
  command: CniCommand,
  args: CmdArgs,
  type: string | undefined,
  { config = args.config, exec = realPluginExec({ ownGroup: false }) }: DelegateOptions = {},
): Prepared {
  if (!type) {
    const msg = `network ${JSON.stringify(config.name)} names no plugin to delegate ${command} to`;
    throw new CniError({ kind: "invalid", code: errorCodes.invalidNetworkConfig, msg });
  }
  const { containerId, netns, ifName, pluginDirs } = args;
  const env = pluginEnv(process.env, { command, containerId, netns, ifName, pluginDirs });
  const request = {
    command,
    plugin: type,
    network: config.name,
    env: { ...env, CNI_ARGS: args.args },
    stdin: formatJson(config, `the configuration for ${type}`),
  };
  // The runtime bounds the time and repeats the whole call.
  const retry = { attempts: 1, pauseMs: 0 };
  const invoker = { exec, pluginDirs, timeoutMs: Infinity, retry, env: process.env };
  return { invoker, request, cniVersion: config.cniVersion };
}
