import { shortId } from "../lib/short-id.ts";
import { Command } from "commander";
import { forget } from "../sandbox/forget.ts";
import { collectEach, type GcOutcome, sweep } from "../sandbox/gc.ts";
import { collectNetworks, type NetworkGcOutcome } from "../sandbox/network-gc.ts";
import type { OperatorCall } from "./cli.ts";
import { earlierStates } from "./earlier-state.ts";
import { findSandbox } from "./find.ts";
import { NOTHING, table } from "./table.ts";
import { TRACE_STEP } from "./trace.ts";

interface GcOptions {
  dryRun?: boolean;
  allNetworks?: boolean;
  container?: string[];
  forget?: string;
  background?: boolean;
  json?: boolean;
}

/** `gc`: finishes what a stop, a removal or a crash left to do. Exit status 1 when something could not be undone. */
export function gcCommand(call: OperatorCall): Command {
  return new Command("gc")
    .option("--dry-run", "only tell what would be released")
    .option(
      "--all-networks",
      "then run CNI GC on every network; on those that other runtimes use it removes their attachments too",
    )
    .option("--container <id...>", "only these containers")
    .option(
      "--forget <container>",
      "give up what cannot be undone of a container that is gone, after one more try",
    )
    .option("--background", "leave for later what is busy or failed a short time ago")
    .option("--json", "print an object: containers, networks")
    .action(async (options: GcOptions) => {
      const outcomes = await collectWhat(call, options);
      const networks = options.allNetworks && !options.dryRun ? await collectAllNetworks(call) : [];
      if (options.json) {
        call.print(JSON.stringify({ containers: outcomes, networks }, null, 2));
      } else call.print(...describe(outcomes, networks));
      const [only] = outcomes;
      if (options.container?.length === 1 && only?.outcome === "released") logTrace(call, only);
      if ([...outcomes, ...networks].some(({ outcome }) => outcome === "failed")) call.exit(1);
    });
}

/** The attachments of tests are valid too. */
async function collectAllNetworks({ sandbox, config, contextIn }: OperatorCall) {
  const { scratchDir } = await import("../prove/scratch.ts");
  return collectNetworks(sandbox, [contextIn(scratchDir(config))]);
}

async function collectWhat(call: OperatorCall, options: GcOptions): Promise<GcOutcome[]> {
  const { sandbox, config, contextIn } = call;
  const { dryRun = false, background = false } = options;
  const waitMs = sandbox.lockTimeoutMs;
  if (options.container !== undefined) {
    return collectEach(sandbox, options.container, { waitMs, dryRun });
  }
  if (options.forget !== undefined) {
    const { id } = await findSandbox(sandbox, options.forget);
    return [await forget(sandbox, id)];
  }
  const limits = { dryRun, respectBackoff: background, waitMs: background || dryRun ? 0 : waitMs };
  const outcomes = await sweep(sandbox, limits);
  for (const earlier of earlierStates(sandbox, config.stateDir, contextIn)) {
    outcomes.push(...(await sweep(earlier, limits)));
  }
  outcomes.push(...(await collectTests(call, { background, dryRun })));
  return outcomes;
}

/** What tests of networks left that were killed, or that a person wanted to look at. */
async function collectTests(
  { config, contextIn }: OperatorCall,
  limits: { background: boolean; dryRun: boolean },
): Promise<GcOutcome[]> {
  const { collectScratch, scratchDir } = await import("../prove/scratch.ts");
  return collectScratch(contextIn(scratchDir(config)), config, limits);
}

function describe(outcomes: readonly GcOutcome[], networks: readonly NetworkGcOutcome[]): string[] {
  const rows = outcomes
    .filter(({ outcome }) => outcome !== "kept" && outcome !== "reserved")
    .map(({ id, name, outcome, reason }) => [
      name ?? NOTHING,
      shortId(id),
      WORDS[outcome],
      reason ?? "",
    ]);
  const kept = outcomes.length - rows.length;
  return [
    ...(rows.length > 0 ? table([["CONTAINER", "ID", "OUTCOME", "REASON"], ...rows]) : []),
    `${rows.length === 0 ? "nothing to release; " : ""}${kept} kept`,
    ...networks.map(
      ({ network, outcome, reason }) =>
        `network ${network}: ${outcome}${reason === undefined ? "" : ` (${reason})`}`,
    ),
  ];
}

const WORDS: Record<GcOutcome["outcome"], string> = {
  released: "released",
  kept: "kept",
  reserved: "reserved",
  busy: "busy",
  failed: "failed",
  waiting: "failed, is tried again later",
  gone: "was gone already",
  over: "would be released",
  forgotten: "forgotten",
};

function logTrace({ sandbox, tracer }: OperatorCall, { id, name }: GcOutcome): void {
  const trace = tracer.finish("delete");
  sandbox.log.info({ container: id, name, step: TRACE_STEP, ms: trace.ms, trace }, "deleted");
}
