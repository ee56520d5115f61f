import { convertResult } from "../convert.ts";
import { CniError, errorCodes, type CniCommand, type WireError } from "../errors.ts";
import { readResult, type Result } from "../result.ts";
import { errnoOf } from "../system-error.ts";
import { currentVersion, isAtLeast, supportedVersions } from "../versions.ts";
import { readCommand, readEnv, type CmdArgs } from "./cmd-args.ts";
import { assertForeignNetns } from "./own-netns.ts";
import type { Plugin } from "./plugin.ts";
import { parsePluginConf, readValidAttachments, type PluginConf } from "./plugin-conf.ts";

/** What the plugin was started with. */
export interface PluginInput {
  env: NodeJS.ProcessEnv;
  /** Not called for VERSION. */
  readStdin: () => Promise<string>;
}

/** What it prints, and its exit status. */
export interface PluginAnswer {
  stdout: string;
  stderr: string;
  exitCode: 0 | 1;
}

/** The first version of the specification with the verb. */
const since: Readonly<Record<CniCommand, string>> = {
  ADD: "0.1.0",
  DEL: "0.1.0",
  VERSION: "0.1.0",
  CHECK: "0.4.0",
  GC: "1.1.0",
  STATUS: "1.1.0",
};

/** Answers one call as the protocol has it (specification 1.1.0, section 2 and 5). Never rejects. */
export async function answer(plugin: Plugin, input: PluginInput): Promise<PluginAnswer> {
  const { about } = plugin;
  const versions = supportedVersions.filter((each) => plugin.versions?.includes(each) ?? true);
  const { env } = input;
  if (!env["CNI_COMMAND"] && about !== undefined) {
    const stderr = `${about}\nCNI protocol versions supported: ${versions.join(", ")}\n`;
    return { stdout: "", stderr, exitCode: 0 };
  }
  let cniVersion: string = currentVersion;
  try {
    const command = readCommand(env);
    if (command === "VERSION") return success({ cniVersion, supportedVersions: versions });
    const read = readEnv(command, env);
    const config = parsePluginConf(await readInput(input));
    ({ cniVersion } = config);
    assertSpoken(command, config, versions);
    const result = await call(plugin, { ...read, config }, env);
    return result === undefined ? { stdout: "", stderr: "", exitCode: 0 } : success(result);
  } catch (error) {
    return failure(error, cniVersion);
  }
}

async function readInput({ readStdin }: PluginInput): Promise<string> {
  try {
    return await readStdin();
  } catch (cause) {
    if (errnoOf(cause) === undefined) throw cause;
    const msg = `cannot read the configuration from stdin: ${String(cause)}`;
    throw new CniError({ kind: "invalid", code: errorCodes.ioFailure, msg, cause });
  }
}

function assertSpoken(
  command: CniCommand,
  { cniVersion }: PluginConf,
  versions: readonly string[],
): void {
  if (!versions.includes(cniVersion)) {
    const msg = `the plugin does not speak CNI version ${JSON.stringify(cniVersion)} of the configuration`;
    throw new CniError({ kind: "unsupported", msg, details: `it speaks ${versions.join(", ")}` });
  }
  if (isAtLeast(cniVersion, since[command])) return;
  const msg = `the configuration is of CNI version ${cniVersion}, and ${command} is new in ${since[command]}`;
  throw new CniError({ kind: "unsupported", msg });
}

async function call(
  plugin: Plugin,
  args: CmdArgs,
  env: NodeJS.ProcessEnv,
): Promise<Result | undefined> {
  switch (args.command) {
    case "ADD": {
      // Before the call, so that nothing has been done to the host when it is refused.
      assertForeignNetns(args, env);
      const result = readResult(await plugin.add(args), currentVersion);
      return convertResult(result, args.config.cniVersion);
    }
    case "DEL":
      assertForeignNetns(args, env);
      await plugin.del(args);
      break;
    case "CHECK":
      await plugin.check?.(args);
      break;
    case "GC":
      await plugin.gc?.({ ...args, validAttachments: readValidAttachments(args.config) });
      break;
    case "STATUS":
      await plugin.status?.(args);
      break;
    case "VERSION":
      break;
  }
  return undefined;
}

function success(value: object): PluginAnswer {
  return { stdout: `${JSON.stringify(value)}\n`, stderr: "", exitCode: 0 };
}

function failure(error: unknown, cniVersion: string): PluginAnswer {
  const stdout = `${JSON.stringify({ cniVersion, ...wireError(error) })}\n`;
  // A CniError is an answer; anything else may be a bug, and its stack shows where.
  const stack = error instanceof Error ? error.stack : undefined;
  const stderr = error instanceof CniError || stack === undefined ? "" : `${stack}\n`;
  return { stdout, stderr, exitCode: 1 };
}

function wireError(error: unknown): WireError {
  if (!(error instanceof CniError)) {
    return {
      code: errorCodes.internal,
      msg: error instanceof Error ? error.message : String(error),
    };
  }
  // Of a plugin that this one called: `message` says which.
  return error.plugin === undefined ? error.toJSON() : { code: error.code, msg: error.message };
}
