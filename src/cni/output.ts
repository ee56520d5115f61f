import { convertResult } from "./convert.ts";
import { asCniError, CniError, errorCodes, type CniCommand } from "./errors.ts";
import { maxOutputBytes, type PluginExit } from "./exec.ts";
import { describeType, isObject, parseJson, type JsonObject } from "./json.ts";
import { readResult, type Result } from "./result.ts";
import { lastLine, oneLine } from "./text.ts";

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
 * The stdout of a plugin that succeeded. Throws a CniError for every other end: error JSON, an exit status, a signal,
 * a time-out, an abort, too much output.
 */
export function readOutput(exit: PluginExit, context: CallContext): string {
  const failure = failureOf(exit, context);
  if (failure === undefined) return exit.stdout;
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

type Failure = Pick<ConstructorParameters<typeof CniError>[0], "kind" | "msg" | "code" | "details">;

function failureOf(exit: PluginExit, { timeoutMs }: CallContext): Failure | undefined {
  const stderr = lastLine(exit.stderr, shown);
  const behind = stderr === "" ? "" : `: ${stderr}`;
  if (exit.ended === "timeout") {
    const msg = `it did not finish within ${timeoutMs / 1000} s and was killed${behind}`;
    return { kind: "timeout", msg };
  }
  if (exit.ended === "aborted") return { kind: "aborted", msg: "it was aborted" };
  if (exit.ended === "overflow") {
    return { kind: "bad-output", msg: `it printed more than ${maxOutputBytes / 1024 ** 2} MiB` };
  }
  if (exit.signal !== null) {
    return { kind: "signal", msg: `it was killed by ${exit.signal}${behind}` };
  }
  return exit.exitCode === 0 ? reportedError(exit.stdout) : exitFailure(exit, stderr);
}

/** Error JSON in spite of exit status 0: no result has both keys. */
function reportedError(stdout: string): Failure | undefined {
  const object = tryParse(stdout);
  if (!isObject(object) || typeof object["code"] !== "number" || object["code"] === 0)
    return undefined;
  return typeof object["msg"] === "string" ? errorJson(object) : undefined;
}

function exitFailure({ exitCode, stdout }: PluginExit, stderr: string): Failure {
  const object = tryParse(stdout);
  if (isObject(object) && typeof object["msg"] === "string") return errorJson(object);
  const printed = oneLine(stdout, shown);
  const status = exitCode === null ? "it ended without an exit status" : `exit status ${exitCode}`;
  if (printed !== "") {
    const what =
      object === undefined
        ? "which is no JSON"
        : `which is ${describeType(object)} but no CNI error`;
    return { kind: "exit", msg: `${status}, it printed ${printed}, ${what}` };
  }
  return {
    kind: "exit",
    msg: stderr === "" ? `${status}, it printed nothing` : `${status}: ${stderr}`,
  };
}

function errorJson({ code, msg, details }: JsonObject): Failure {
  return {
    kind: "plugin",
    code: typeof code === "number" && Number.isInteger(code) ? code : errorCodes.internal,
    msg: msg === "" ? "it gave no reason" : String(msg),
    ...(typeof details === "string" && details !== "" && { details }),
  };
}

function tryParse(stdout: string): unknown {
  try {
    return parseJson(stdout);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
