import type { NetworkList, PluginStep } from "../cni/index.ts";
import { describeError } from "../lib/errors.ts";
import { removePeers } from "./checks/attach.ts";
import { settleHosts } from "../sandbox/hosts.ts";
import { checks } from "./checks/index.ts";
import type { Check, Outcome, Proof } from "./proof.ts";
import type { Scratch } from "./scratch.ts";
import { localSockets } from "./sockets.ts";
import { readTraces } from "./traces.ts";

/** A check and what came of it. */
export interface Result extends Outcome {
  name: string;
  /** How long it took, ms. */
  ms: number;
}

/** What one plugin took, ms, in all calls of one command. */
export interface PluginTime {
  plugin: string;
  command: string;
  calls: number;
  /** Of one call, at the median. */
  ms: number;
}

/** What was found of one network. */
export interface NetworkReport {
  network: string;
  /** The plugins' types in their order. */
  plugins: string[];
  results: Result[];
  times: PluginTime[];
  /** The namespaces that were kept for a person to look at. */
  kept: string[];
}

export interface ProveOptions {
  list: NetworkList;
  others: readonly NetworkList[];
  agent: readonly string[];
  /** Which checks are wanted; ADD and DEL are done in any case. */
  only?: RegExp | undefined;
  keep: boolean;
  /** Ends the test early: what was made is undone. */
  signal: AbortSignal;
  onStart: (name: string) => void;
  onResult: (result: Result) => void;
}

/** Tests one network and undoes what that made, whatever happens. */
export async function proveNetwork(
  scratch: Scratch,
  options: ProveOptions,
): Promise<NetworkReport> {
  const { list, others, agent, keep, only } = options;
  const results: Result[] = [];
  const proof: Proof = {
    scratch,
    list,
    others,
    agent,
    host: localSockets("host"),
    peers: [],
    isStuck: false,
    before: await readTraces(),
    chainsSeen: new Set(),
    addressesSeen: new Set(),
    linksSeen: new Set(),
    linksOfAdd: new Set(),
  };
  const from = scratch.steps.length;
  const tell = (result: Result): void => {
    // What nobody asked for is told where it is in the way of the rest.
    if (only?.test(result.name) === false && result.status !== "fail") return;
    results.push(result);
    options.onResult(result);
  };
  const perform = async (check: Check): Promise<void> => {
    options.onStart(check.name);
    tell(await attempt(check, proof));
  };
  let isUndone = false;
  try {
    await perform(checks.add);
    for (const check of checks.between) {
      if (options.signal.aborted) break;
      if (only?.test(check.name) !== false) await perform(check);
    }
    if (!keep && !options.signal.aborted) {
      isUndone = true;
      await perform(checks.del);
      await perform(checks.leaks);
    }
  } finally {
    await proof.host.close();
    if (keep && !options.signal.aborted)
      for (const { sockets } of proof.peers) await sockets.close();
    else if (!isUndone) await removePeers(proof);
    await settleHosts(scratch);
  }
  return {
    network: list.name,
    plugins: list.plugins.map(({ type }) => type),
    results,
    times: timesOf(scratch.steps.slice(from).filter(({ network }) => network === list.name)),
    kept: keep ? proof.peers.map(({ record }) => record.netns) : [],
  };
}

async function attempt(check: Check, proof: Proof): Promise<Result> {
  const { name } = check;
  const reason = check.needs?.(proof);
  if (reason !== undefined) return { name, status: "skip", detail: reason, ms: 0 };
  const start = performance.now();
  const outcome = await check.run(proof).catch((error: unknown): Outcome => {
    return { status: "fail", detail: describeError(error) };
  });
  return { name, ...outcome, ms: Math.round(performance.now() - start) };
}

function timesOf(steps: readonly PluginStep[]): PluginTime[] {
  const groups = new Map<string, { plugin: string; command: string; all: number[] }>();
  for (const { plugin, command, ms } of steps) {
    const key = `${command} ${plugin}`;
    const group = groups.get(key) ?? { plugin, command, all: [] };
    groups.set(key, group);
    group.all.push(ms);
  }
  return [...groups.values()].map(({ plugin, command, all }) => ({
    plugin,
    command,
    calls: all.length,
    ms: Math.round(all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0),
  }));
}
