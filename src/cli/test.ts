import { Command } from "commander";
import { constants } from "node:os";
import { resolve } from "node:path";
import type { NetworkReport } from "../prove/run.ts";
import type { OperatorCall } from "./cli.ts";
import { writeOutput } from "./output-file.ts";

interface TestOptions {
  only?: string;
  junit?: string;
  keep?: boolean;
  json?: boolean;
}

/** `test`: networks proven in namespaces of its own. Exit status 1 when something does not work. */
export function testCommand(call: OperatorCall): Command {
  return new Command("test")
    .argument("[network...]", "their names; without one, all")
    .option("--only <regex>", "only the checks whose names match")
    .option("--junit <file>", "write the results as JUnit XML as well")
    .option("--keep", "leave the namespaces to look at, until the next test or gc")
    .option("--json", "print an array of objects, one a network")
    .action(async (networks: string[], options: TestOptions) => {
      await testNetworks(call, networks, options);
    });
}

/** Tests networks, and prints what comes of it. Whether all works; false where it was interrupted too. */
export async function testNetworks(
  call: OperatorCall,
  networks: string[],
  options: TestOptions,
): Promise<boolean> {
  const { config, sandbox, contextIn, env } = call;
  // Nobody who asks for another command pays for this one.
  const { proveNetworks } = await import("../prove/index.ts");
  const { hasFailed } = await import("../prove/report.ts");
  const { progress } = await import("./test-progress.ts");
  const shown = options.json === true ? undefined : progress(call.print);
  const interrupt = onInterrupt(call);
  try {
    const reports = await proveNetworks({
      config,
      sandbox,
      contextIn,
      env,
      networks,
      only: options.only,
      keep: options.keep === true,
      signal: interrupt.signal,
      onNetwork: (list) => shown?.network(list),
      onStart: (name) => shown?.start(name),
      onResult: (result) => shown?.result(result),
      onReport: (report) => shown?.report(report),
    });
    shown?.end(reports);
    if (options.json === true) call.print(JSON.stringify(reports, null, 2));
    if (options.junit !== undefined) await writeJunit(options.junit, reports);
    if (hasFailed(reports)) call.exit(1);
    interrupt.tellExit();
    return !hasFailed(reports) && !interrupt.signal.aborted;
  } finally {
    shown?.stop();
    interrupt.forget();
  }
}

async function writeJunit(file: string, reports: readonly NetworkReport[]): Promise<void> {
  const { junitXml } = await import("../prove/junit.ts");
  writeOutput(resolve(file), junitXml(reports), { option: "--junit" });
}

/** The first SIGINT or SIGTERM ends the test and undoes what it made; the next one ends the program, and leaves that to gc. */
function onInterrupt(call: OperatorCall) {
  const controller = new AbortController();
  let status: number | undefined;
  const stop = (signal: "SIGINT" | "SIGTERM"): void => {
    if (status !== undefined) process.exit(status);
    status = 128 + constants.signals[signal];
    controller.abort();
    process.stderr.write("docker-cni: interrupted; what the test made is undone\n");
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  return {
    signal: controller.signal,
    tellExit: () => status !== undefined && call.exit(status),
    forget: () => process.off("SIGINT", stop).off("SIGTERM", stop),
  };
}
