import { Command } from "commander";
import { UserError } from "../lib/errors.ts";
import { viewSandboxes } from "../sandbox/view.ts";
import { readTrace, type Trace } from "../lib/trace.ts";
import { waterfall } from "../lib/waterfall.ts";
import type { OperatorCall } from "./cli.ts";
import { pickIfThere } from "./find.ts";
import { linesFromEnd } from "./lines.ts";

/**
 * `trace`: where the time of the container's last create and delete went. The create's is kept with the container's network, the
 * delete's, which outlives it, in the log.
 */
export function traceCommand({ sandbox, config, print }: OperatorCall): Command {
  return new Command("trace")
    .argument("<container>", "its name, or its id or the beginning of it")
    .option("--json", "print the traces as JSON, one a line")
    .action(async (container: string, { json }: { json?: boolean }) => {
      const id = pickIfThere(await viewSandboxes(sandbox), container)?.id;
      const traces = [
        id === undefined ? undefined : readTrace(sandbox.store.pathOf(id)),
        loggedDelete(config.logFile, id ?? container),
      ].filter((trace) => trace !== undefined);
      if (traces.length === 0) {
        throw new UserError("NO_SUCH_CONTAINER", `no operation on ${container} was traced`, {
          hint: `see the containers with: docker-cni ls; traces of deletes are in ${config.logFile} at log_level info`,
        });
      }
      const text = traces.map((trace) =>
        json ? JSON.stringify(trace) : waterfall(trace).join("\n"),
      );
      print(text.join(json ? "\n" : "\n\n"));
    });
}

/** The step that a delete's trace has in the log. */
export const TRACE_STEP = "trace";

interface TraceLine {
  step?: string;
  container?: string;
  name?: string;
  trace?: Trace;
}

/** The last delete of the container with this name or beginning of an id in the log. */
function loggedDelete(file: string, container: string): Trace | undefined {
  for (const text of linesFromEnd(file)) {
    if (!text.includes(`"${TRACE_STEP}"`) || !text.includes(container)) continue;
    const line = parseLine(text);
    const isOf = line?.container?.startsWith(container) === true || line?.name === container;
    if (line?.step === TRACE_STEP && isOf) return line.trace;
  }
  return undefined;
}

function parseLine(text: string): TraceLine | undefined {
  try {
    const line: TraceLine = JSON.parse(text);
    return line;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
