import { join } from "node:path";
import { Command } from "commander";
import manifest from "../../package.json" with { type: "json" };
import { writeBundle } from "../doctor/bundle.ts";
import { examine, type Found } from "../doctor/examine.ts";
import { describeRemedy } from "../doctor/finding.ts";
import { fixAll, type Fixed } from "../doctor/fix.ts";
import { localHost } from "../doctor/local-host.ts";
import { makeSubject } from "../doctor/make-subject.ts";
import { describeFindings } from "../doctor/report.ts";
import type { Subject } from "../doctor/subject.ts";
import { findEndpoint } from "../dockerd/endpoint.ts";
import { describeError, UserError } from "../lib/errors.ts";
import { withExclusiveHostLock } from "../sandbox/host-lock.ts";
import { setupPaths } from "../setup/paths.ts";
import type { OperatorCall } from "./cli.ts";
import { launcherPath } from "./launcher-path.ts";
import { runBesideEngine } from "./mounts.ts";
import { spinner, symbol } from "./terminal.ts";

interface DoctorOptions {
  fix?: boolean;
  bundle?: string;
  json?: boolean;
}

/** `doctor`: looks at everything that a CNI network of a container needs. Exit status 1 when something is broken. */
export function doctorCommand(start: OperatorCall): Command {
  return new Command("doctor")
    .option("--fix", "run the remedies that are safe, then look again")
    .option("--bundle <file>", "pack report, versions, logs and configuration into this .tar.gz")
    .option("--json", "print an object: version, findings, fixed")
    .action(async (options: DoctorOptions) => {
      const call = await configured(start);
      const inside = runBesideEngine(call.sandbox, process.argv.slice(2));
      if (inside === undefined) await diagnose(call, options);
      else call.exit(inside);
    });
}

interface DoctorCall extends OperatorCall {
  /** Why the configuration could not be used; `config` is the defaults then. */
  configError?: string;
}

/** A configuration that is broken is one of the things to tell of. */
async function configured(call: OperatorCall): Promise<DoctorCall> {
  try {
    const config = await call.loadConfig();
    const contextIn = (stateDir: string) => call.contextOver({ ...config, stateDir });
    return { ...call, config, sandbox: call.contextOver(config), contextIn };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { ...call, configError: describeError(error) };
  }
}

async function diagnose(call: DoctorCall, options: DoctorOptions): Promise<void> {
  const { print } = call;
  const first = subjectOf(call);
  const busy = spinner("looking at the host");
  let found = await examine(first);
  busy.stop();
  const fixed = options.fix ? await fix(call, found, options) : [];
  if (fixed.length > 0) found = await examine(subjectOf(call));
  const report = { version: manifest.version, findings: found.map(asJson), fixed };
  const json = JSON.stringify(report, null, 2);
  print(...(options.json ? [json] : describeFindings(found, onTerminal())));
  if (options.bundle !== undefined) {
    const reports = {
      "report.txt": describeFindings(found, PLAIN).join("\n"),
      "report.json": json,
    };
    await writeBundle(first, options.bundle, reports);
    if (!options.json) {
      print("", `packed into ${options.bundle}: look through it before you hand it on`);
    }
  }
  if (found.some(({ status }) => status === "broken")) call.exit(1);
}

const PLAIN = { fine: "✓", warning: "!", broken: "✗" } as const;

function onTerminal() {
  return { fine: symbol("ok"), warning: symbol("warning"), broken: symbol("error") };
}

async function fix(
  call: DoctorCall,
  found: readonly Found[],
  { json }: DoctorOptions,
): Promise<Fixed[]> {
  const { sandbox, print } = call;
  const fixed = await fixAll(found, {
    freshSubject: () => subjectOf(call),
    locked: (work) => withExclusiveHostLock(sandbox, work),
    onStart: ({ title, command }) => {
      if (!json) print(`fix ${title}`, `  $ ${command}`);
    },
  });
  const failed = fixed.filter(({ error }) => error !== undefined);
  if (!json && fixed.length > 0) {
    print(...failed.map(({ command, error }) => `  failed: ${command}: ${error}`), "");
  }
  return fixed;
}

function subjectOf(call: DoctorCall): Subject {
  const { sandbox, config, configError, contextIn, runtimePath, options, env } = call;
  const paths = setupPaths();
  const clientDir = env["DOCKER_CONFIG"] || join(env["HOME"] ?? "/root", ".docker");
  const subject = makeSubject(sandbox, {
    host: localHost(env),
    config,
    configFile: options.config,
    ...(configError !== undefined && { configError }),
    launcher: launcherPath(options.launcher, paths),
    runtimePath,
    engineAddress: addressOf(env),
    cliPluginDirs: [join(clientDir, "cli-plugins"), ...paths.cliPluginDirs.toReversed()],
  });
  // Sandboxes of an earlier state_dir own their addresses and chains as well.
  const stores = [...new Set([config.stateDir, ...sandbox.netns.owners()])].map(
    (dir) => contextIn(dir).store,
  );
  return { ...subject, sandboxIds: () => stores.flatMap((store) => store.list()) };
}

function addressOf(env: NodeJS.ProcessEnv): string {
  try {
    return findEndpoint(env).host;
  } catch (error) {
    if (error instanceof UserError) return "a context that is not known";
    throw error;
  }
}

function asJson({ remedy, ...finding }: Found) {
  if (remedy === undefined) return { ...finding, remedy: null };
  const isRunByFix = remedy.safe !== undefined && remedy.safe !== false;
  return { ...finding, remedy: { command: describeRemedy(remedy), fix: isRunByFix } };
}
