import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Command } from "commander";
import manifest from "../../package.json" with { type: "json" };
import { loadAllNetworkLists } from "../cni/index.ts";
import { readLeases } from "../ipam/leases.ts";
import { poolsOf } from "../ipam/pools.ts";
import { mapConcurrently } from "../lib/concurrent.ts";
import { ifThere } from "../lib/errors.ts";
import { attachmentFamilies, poolFamilies } from "../metrics/attachments.ts";
import { type Family, formatFamilies } from "../metrics/exposition.ts";
import { operationFamilies } from "../metrics/operations.ts";
import { type Traffic, trafficFamilies } from "../metrics/traffic.ts";
import type { SandboxContext } from "../sandbox/context.ts";
import { type SandboxView, viewSandboxes } from "../sandbox/view.ts";
import type { OperatorCall } from "./cli.ts";
import { writeOutput } from "./output-file.ts";
import { linesFromEnd } from "./lines.ts";

/** What the system answers where there is no such file or folder. */
const GONE = ["ENOENT", "ENOTDIR", "EISDIR"];

interface MetricsOptions {
  output?: string;
  json?: boolean;
}

/** `metrics`: attachments, addresses, plugins' times and interfaces' counters as Prometheus reads them. */
export function metricsCommand(call: OperatorCall): Command {
  return new Command("metrics")
    .option(
      "-o, --output <file>",
      "write into this file at once, as node_exporter's textfile collector needs it",
    )
    .option("--json", "print an array of objects, one a metric")
    .action(async ({ output, json }: MetricsOptions) => {
      const families = await collectFamilies(call);
      const text = json ? `${toJson(families)}\n` : formatFamilies(families);
      if (output === undefined) call.print(text.trimEnd());
      else writeOutput(resolve(output), text, { mode: 0o644 });
    });
}

async function collectFamilies({ sandbox, config }: OperatorCall): Promise<Family[]> {
  const [views, { lists }] = await Promise.all([
    viewSandboxes(sandbox),
    loadAllNetworkLists(config.cniConfDir),
  ]);
  const pools = lists.flatMap((list) => poolsOf(list));
  const leases = readLeases({ list: listIfThere, read: readIfThere }, pools);
  return [
    {
      name: "docker_cni_build_info",
      help: "The version of docker-cni, as a label.",
      type: "gauge",
      samples: [{ labels: { version: manifest.version }, value: 1 }],
    },
    ...attachmentFamilies(views),
    ...poolFamilies(pools, leases),
    ...operationFamilies(linesFromEnd(config.logFile)),
    ...trafficFamilies(await readTraffic(sandbox, views)),
  ];
}

/** A few at a time: each is a command, which waits for its namespace. */
async function readTraffic(
  { netns }: SandboxContext,
  views: readonly SandboxView[],
): Promise<Traffic[]> {
  const alive = views.filter(
    ({ state, record }) => state === "running" && netns.isAlive(record.netns),
  );
  return (await mapConcurrently(alive, (view) => readOne(netns, view))).flat();
}

async function readOne(netns: SandboxContext["netns"], view: SandboxView): Promise<Traffic[]> {
  const { record } = view;
  const seen = await netns.counters(record.netns).catch((error: unknown) => {
    // The container ended meanwhile.
    if (netns.isAlive(record.netns)) throw error;
  });
  return record.attachments.flatMap(({ network, ifName }) => {
    const counters = seen?.get(ifName);
    return counters ? [{ view, network, ifName, counters }] : [];
  });
}

function toJson(families: readonly Family[]): string {
  return JSON.stringify(
    families,
    (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value),
    2,
  );
}

function listIfThere(path: string): string[] {
  return ifThere(() => readdirSync(path), GONE) ?? [];
}

function readIfThere(path: string): string | undefined {
  return ifThere(() => readFileSync(path, "utf8"), GONE);
}
