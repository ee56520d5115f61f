import { Command } from "commander";
import { parseNetworkList } from "../cni/index.ts";
import { netnsPath } from "../netns/netns.ts";
import type { SandboxContext } from "../sandbox/context.ts";
import type { SandboxView } from "../sandbox/view.ts";
import type { OperatorCall } from "./cli.ts";
import { findSandbox } from "./find.ts";
import { asJson } from "./ls.ts";
import { formatAge } from "./table.ts";

/** `inspect`: all that is known of a container's network, and what its namespace holds at this moment. */
export function inspectCommand({ sandbox, print }: OperatorCall): Command {
  return new Command("inspect")
    .description("show all that is known of a container's network")
    .argument("<container>", "its name, or its id or the beginning of it")
    .option("--json", "print an object: record, cached results, state of the namespace")
    .action(async (container: string, { json }: { json?: boolean }) => {
      const view = await findSandbox(sandbox, container);
      const details = await readDetails(sandbox, view);
      if (json)
        print(JSON.stringify({ ...asJson(view), record: view.record, ...details }, null, 2));
      else print(...describe(sandbox, view, details));
    });
}

interface Details {
  /** By interface: the cached result of the last ADD; null when there is none. */
  results: Record<string, unknown>;
  netns: { path: string; alive: boolean; addresses: unknown; routes: unknown };
}

async function readDetails(
  { cni, netns }: SandboxContext,
  { id, record }: SandboxView,
): Promise<Details> {
  const results = record.attachments.map(({ list, ifName }): [string, unknown] => {
    const result = cni.cachedResult(parseNetworkList(list), { containerId: id, ifName });
    return [ifName, result ?? null];
  });
  const alive = netns.isAlive(record.netns);
  const seen = alive ? await netns.show(record.netns) : { addresses: [], routes: [] };
  const path = netnsPath(record.netns);
  return { results: Object.fromEntries(results), netns: { path, alive, ...seen } };
}

function describe(
  { store }: SandboxContext,
  { id, name, state, record, retry }: SandboxView,
  { results, netns }: Details,
): string[] {
  const links = netns.alive ? JSON.stringify(netns.addresses, null, 2).split("\n") : ["(none)"];
  return [
    `Container:   ${name ?? "(no name)"}`,
    `Id:          ${id}`,
    `State:       ${state}, kept after a stop: ${record.keep ? "yes" : "no"}`,
    `Created:     ${record.createdAt} (${formatAge(Date.now() - Date.parse(record.createdAt))} ago)`,
    `Namespace:   ${netns.path} (${netns.alive ? "there" : "not there"})`,
    `Record:      ${store.pathOf(id)}/record.json`,
    ...(retry ? [`Failure:     ${retry.error} (${retry.attempts} times)`] : []),
    ...record.attachments.flatMap(({ network, ifName, addresses, mac }) => [
      "",
      `Interface:   ${ifName}`,
      `  Network:   ${network}`,
      `  Addresses: ${addresses.join(", ")}`,
      `  MAC:       ${mac ?? "(not told)"}`,
      `  Result:    ${JSON.stringify(results[ifName])}`,
    ]),
    "",
    "In the namespace:",
    ...links.map((line) => `  ${line}`),
  ];
}
