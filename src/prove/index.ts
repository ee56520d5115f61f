import { loadAllNetworkLists, type NetworkList } from "../cni/index.ts";
import { UserError } from "../lib/errors.ts";
import { agentCommand } from "./agent.ts";
import { checkNames } from "./checks/index.ts";
import { AGENT_WORD } from "./names.ts";
import { type NetworkReport, proveNetwork, type ProveOptions } from "./run.ts";
import { collectScratch, keepScratch, openScratch, type ScratchOptions } from "./scratch.ts";

export interface ProveAllOptions
  extends ScratchOptions, Pick<ProveOptions, "keep" | "signal" | "onStart" | "onResult"> {
  /** The names of the networks; empty: all. */
  networks: readonly string[];
  /** A regular expression for the names of checks. */
  only?: string | undefined;
  onNetwork: (list: NetworkList) => void;
  onReport: (report: NetworkReport) => void;
}

/**
 * Tests networks one after another in namespaces of its own. What an earlier test left behind that was killed is undone first.
 * Throws BAD_ARGS for a network or a check that there is not, before anything is done.
 */
export async function proveNetworks(options: ProveAllOptions): Promise<NetworkReport[]> {
  const { config, keep, signal } = options;
  const { lists } = await loadAllNetworkLists(config.cniConfDir);
  const wanted = chosen(lists, options.networks, config.cniConfDir);
  const only = options.only === undefined ? undefined : checkPattern(options.only);
  const agent = agentCommand(AGENT_WORD);
  const scratch = openScratch(options);
  await collectScratch(scratch, config);
  const reports: NetworkReport[] = [];
  for (const list of wanted) {
    if (signal.aborted) break;
    options.onNetwork(list);
    const others = lists.filter((other) => other !== list && hasInterface(other));
    const report = await proveNetwork(scratch, { ...options, list, others, agent, only });
    reports.push(report);
    options.onReport(report);
  }
  if (keep && !signal.aborted) keepScratch(scratch);
  return reports;
}

function chosen(
  lists: readonly NetworkList[],
  names: readonly string[],
  dir: string,
): readonly NetworkList[] {
  const known = lists.filter(hasInterface);
  const unknown = names.find((name) => !known.some((list) => list.name === name));
  if (unknown !== undefined || known.length === 0) {
    const which = unknown === undefined ? "no network" : `no network ${JSON.stringify(unknown)}`;
    throw new UserError("BAD_ARGS", `${dir} has ${which} that can be used`, {
      hint:
        known.length === 0
          ? "write one, as docs/configuration.md shows"
          : `there are: ${known.map(({ name }) => name).join(", ")}`,
    });
  }
  return names.length === 0 ? known : known.filter(({ name }) => names.includes(name));
}

/** A list of the plugin loopback alone sets up what every namespace has, and leads nowhere. */
function hasInterface({ plugins }: NetworkList): boolean {
  return plugins.some(({ type }) => type !== "loopback");
}

function checkPattern(text: string): RegExp {
  let pattern: RegExp;
  try {
    pattern = new RegExp(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UserError("BAD_ARGS", `--only ${text}: no regular expression: ${error.message}`);
  }
  if (checkNames.some((name) => pattern.test(name))) return pattern;
  throw new UserError("BAD_ARGS", `--only ${text} is the name of no check`, {
    hint: `there are: ${checkNames.join(", ")}`,
  });
}
