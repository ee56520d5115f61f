import type { OperatorCall } from "../../src/cli/cli.ts";
import { parseConfig } from "../../src/config/load.ts";
import { processTracer } from "../../src/lib/trace.ts";
import { parseOwnOptions } from "../../src/runtime/args.ts";
import type { SandboxContext } from "../../src/sandbox/context.ts";

/** A verb's call over this context, with the lines that it prints and the exit statuses that it sets. */
export function operatorCall(sandbox: SandboxContext, more: Partial<OperatorCall> = {}) {
  const lines: string[] = [];
  const statuses: number[] = [];
  const config = parseConfig("cni.yaml", "");
  const call: OperatorCall = {
    argv: [],
    config,
    sandbox,
    contextIn: () => sandbox,
    contextOver: () => sandbox,
    tracer: processTracer(),
    runtimePath: "",
    options: parseOwnOptions([]),
    loadConfig: () => Promise.resolve(config),
    env: {},
    print: (...printed) => lines.push(...printed),
    exit: (status) => statuses.push(status),
    ...more,
  };
  return { call, lines, statuses };
}
