import { createInterface } from "node:readline/promises";
import { hostNetwork } from "../doctor/make-subject.ts";
import { localHost } from "../doctor/local-host.ts";
import { describeError, UserError } from "../lib/errors.ts";
import { markOf } from "../networks/mark.ts";
import { withExclusiveHostLock } from "../sandbox/host-lock.ts";
import type { OperatorCall } from "./cli.ts";
import { pickNetwork, readNetworks, removeUnfinished } from "./network-folder.ts";
import { assertUnused } from "./network-in-use.ts";
import { removeTraces } from "./network-traces.ts";
import { allViewsAndTests } from "./network-users.ts";
import { printable } from "./terminal.ts";

export interface RemoveOptions {
  force?: boolean;
}

export interface PruneOptions {
  force?: boolean;
  json?: boolean;
}

/** `network rm`: each network that can be removed is; then throws for the first that cannot. */
export async function removeNetworks(
  call: OperatorCall,
  names: readonly string[],
  { force }: RemoveOptions,
): Promise<void> {
  const failures: UserError[] = [];
  for (const name of new Set(names)) {
    const { lists } = await readNetworks(call.config.cniConfDir);
    if (force && !lists.some((list) => list.name === name)) continue;
    try {
      await removeNetwork(call, name);
      call.print(name);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failures.push(error);
    }
  }
  const [first, ...others] = failures;
  for (const error of others) {
    process.stderr.write(`docker-cni: ${printable(describeError(error))}\n`);
  }
  if (first !== undefined) throw first;
}

/** `network prune`: asks, and removes what nobody uses; the default network stays. */
export async function pruneNetworks(
  call: OperatorCall,
  { force, json }: PruneOptions,
): Promise<void> {
  if (!force && !(await confirm())) return;
  const { lists, defaultName } = await readNetworks(call.config.cniConfDir);
  const removed: string[] = [];
  for (const list of lists) {
    if (list.name === defaultName || markOf(list) === undefined) continue;
    try {
      await removeNetwork(call, list.name);
      removed.push(list.name);
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== "IN_USE") throw error;
    }
  }
  if (json) call.print(JSON.stringify(removed, null, 2));
  else if (removed.length > 0) call.print("Deleted Networks:", ...removed);
}

/**
 * Removes a network of `network create`, while no operation on any network is under way: rules, bridge and leases first, and its file
 * at the end, so that a removal that was cut short can be made again. Throws IN_USE while anything is on it.
 */
export async function removeNetwork(call: OperatorCall, name: string): Promise<void> {
  const { config, sandbox, env } = call;
  await withExclusiveHostLock(sandbox, async () => {
    const found = await readNetworks(config.cniConfDir);
    const list = pickNetwork(found, name);
    if (markOf(list) === undefined) {
      throw new UserError("IN_USE", `the network ${name} was not made by network create`, {
        hint: `others may need it; to remove it all the same: rm ${list.file ?? ""}`,
      });
    }
    const host = localHost(env);
    const others = found.lists.filter((each) => each !== list);
    const views = await allViewsAndTests(call);
    await assertUnused(list, { host, views, others });
    removeUnfinished(config.cniConfDir);
    await removeTraces(list, { host, others, network: hostNetwork(host) });
  });
}

async function confirm(): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new UserError("BAD_ARGS", "network prune asks before it removes, and nobody can answer", {
      hint: "add --force",
    });
  }
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const question =
      "WARNING! This will remove all networks of 'network create' that no container is on.\nAre you sure you want to continue? [y/N] ";
    return /^y(es)?$/i.test((await asking.question(question)).trim());
  } finally {
    asking.close();
  }
}
