import { convertResult } from "./convert.ts";
import { asCniError, CniError, type CniCommand } from "./errors.ts";
import type { PluginExit } from "./exec.ts";
import { parseJson } from "./json.ts";
import { readResult, type Result } from "./result.ts";
import { oneLine } from "./text.ts";

/** Which call an output belongs to, for the error message. */
export interface CallContext {
  command: CniCommand;
  plugin: string;
  network?: string | undefined;
  timeoutMs: number;
}

/** Characters of a plugin's output that a message shows. */
const shown = 300;

/**
 * The stdout of a plugin that succeeded. Rejects with a CniError for every other end: error JSON, an exit status, a signal,
 * a time-out, an abort, too much output.
 */
export async function readOutput(exit: PluginExit, context: CallContext): Promise<string> {
  const { ended, exitCode, stdout } = exit;
  // A result has no key of this name: what has it may be error JSON in spite of exit status 0.
  if (ended === "exited" && exitCode === 0 && !stdout.includes('"code"')) return stdout;
  const { failureOf } = await import("./output-failure.ts");
  const failure = failureOf(exit, context);
  if (failure === undefined) return stdout;
  const { command, plugin, network } = context;
  throw new CniError({ command, plugin, network, ...failure });
}

/** The JSON that a successful plugin printed; throws a CniError of kind `bad-output` for what is none. */
export function parseOutput(stdout: string, context: CallContext): unknown {
  try {
    return parseJson(stdout);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const printed = oneLine(stdout, shown);
    const msg = printed === "" ? "it printed no result" : `it printed no JSON: ${printed}`;
    const { command, plugin, network } = context;
    throw new CniError({ kind: "bad-output", msg, command, plugin, network, cause: error });
  }
}

/** The result that a successful ADD printed, in `version`, the network's; throws a CniError of kind `bad-output` for what is none. */
export function readAddOutput(stdout: string, version: string, context: CallContext): Result {
  const value = parseOutput(stdout, context);
  try {
    return convertResult(readResult(value, version), version);
  } catch (error) {
    const { code, msg } = asCniError(error);
    const { command, plugin, network } = context;
    throw new CniError({ kind: "bad-output", code, msg, command, plugin, network, cause: error });
  }
}
