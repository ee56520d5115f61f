import { type CniError, errorCodes } from "./errors.ts";
import { maxOutputBytes, type PluginExit } from "./exec.ts";
import { describeType, isObject, parseJson, type JsonObject } from "./json.ts";
import type { CallContext } from "./output.ts";
import { lastLine, oneLine } from "./text.ts";

/** Characters of a plugin's output that a message shows. */
const shown = 300;

type Failure = Pick<ConstructorParameters<typeof CniError>[0], "kind" | "msg" | "code" | "details">;

/** What a plugin's end tells of its failure; undefined where it succeeded. */
export function failureOf(exit: PluginExit, { timeoutMs }: CallContext): Failure | undefined {
  const stderr = lastLine(exit.stderr, shown);
  const behind = stderr === "" ? "" : `: ${stderr}`;
  if (exit.ended === "timeout") {
    const hung = exit.hung === undefined ? "" : `; ${exit.hung}`;
    // It may be of long before, and of something else.
    const words = stderr === "" ? "" : `; its last line on stderr was: ${stderr}`;
    const msg = `it did not finish within ${timeoutMs / 1000} s and was killed${hung}${words}`;
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
