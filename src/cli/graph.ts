import { bridgeNameOf } from "../lib/bridge-name.ts";
import { hostname, networkInterfaces } from "node:os";
import { extname, resolve } from "node:path";
import { Command, Option } from "commander";
import { loadAllNetworkLists, type NetworkList } from "../cni/index.ts";
import type { ContainerFacts, Graph, NetworkFacts } from "../graph/model.ts";
import { subnetsOf } from "../ipam/pools.ts";
import { type SandboxView, viewSandboxes } from "../sandbox/view.ts";
import type { OperatorCall } from "./cli.ts";
import { writeOutput } from "./output-file.ts";
import { formatPort, portsOf } from "./container-json.ts";

const FORMATS = ["html", "svg", "mermaid", "dot", "json"] as const;
type Format = (typeof FORMATS)[number];

interface GraphOptions {
  format?: Format;
  output?: string;
  json?: boolean;
}

/** `graph`: who is on which network, as a page, a picture, or in a language of graphs. */
export function graphCommand(call: OperatorCall): Command {
  return new Command("graph")
    .addOption(
      new Option(
        "--format <format>",
        "what it is written as; without it, by the ending of the file, or html",
      ).choices(FORMATS),
    )
    .option("-o, --output <file>", "write into this file")
    .option("--json", "the same as --format json")
    .action(async ({ format, output, json }: GraphOptions) => {
      const wanted = json ? "json" : (format ?? formatByName(output));
      const text = await write(wanted, await readGraph(call));
      if (output === undefined) call.print(text.trimEnd());
      else writeOutput(resolve(output), text);
    });
}

const BY_ENDING: Readonly<Record<string, Format>> = {
  ".svg": "svg",
  ".mmd": "mermaid",
  ".mermaid": "mermaid",
  ".dot": "dot",
  ".gv": "dot",
  ".json": "json",
};

function formatByName(file: string | undefined): Format {
  return BY_ENDING[extname(file ?? "").toLowerCase()] ?? "html";
}

async function write(format: Format, graph: Graph): Promise<string> {
  switch (format) {
    case "json":
      return `${JSON.stringify(graph, null, 2)}\n`;
    case "dot":
      return (await import("../graph/dot.ts")).toDot(graph);
    case "mermaid":
      return (await import("../graph/mermaid.ts")).toMermaid(graph);
    case "svg": {
      const { layOut } = await import("../graph/layout.ts");
      return (await import("../graph/svg.ts")).toSvg(await layOut(graph));
    }
    default: {
      const { layOut } = await import("../graph/layout.ts");
      const { toHtml } = await import("../graph/html.ts");
      return toHtml(graph, await layOut(graph), new Date().toISOString());
    }
  }
}

async function readGraph({ sandbox, config }: OperatorCall): Promise<Graph> {
  const { graphOf } = await import("../graph/model.ts");
  const [views, { lists }] = await Promise.all([
    viewSandboxes(sandbox),
    loadAllNetworkLists(config.cniConfDir),
  ]);
  const networks = lists.map(networkFacts);
  const own = new Set(networks.flatMap((each) => each.hostInterfaces.map(({ name }) => name)));
  return graphOf(
    { name: hostname(), addresses: hostAddresses(own) },
    networks,
    views.map(containerFacts),
  );
}

function networkFacts(list: NetworkList): NetworkFacts {
  return {
    name: list.name,
    plugins: list.plugins.map(({ type }) => type),
    subnets: subnetsOf(list),
    hostInterfaces: list.plugins.flatMap((plugin) => {
      const { type, master } = plugin;
      const bridge = bridgeNameOf(plugin);
      if (bridge !== undefined) return [{ name: bridge, role: "bridge" }];
      return typeof master === "string" ? [{ name: master, role: type }] : [];
    }),
  };
}

function containerFacts({ id, name, state, record }: SandboxView): ContainerFacts {
  return {
    id,
    name,
    state,
    createdAt: record.createdAt,
    attachments: record.attachments.map((attachment) => ({
      network: attachment.network,
      ifName: attachment.ifName,
      addresses: attachment.addresses,
      mac: attachment.mac,
      ports: portsOf(attachment).map(formatPort),
    })),
  };
}

/** The host's own addresses, not those of the networks' interfaces. */
function hostAddresses(without: ReadonlySet<string>): string[] {
  return Object.entries(networkInterfaces())
    .filter(([name]) => !without.has(name))
    .flatMap(([, addresses]) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith("fe80:"))
    .map(({ cidr, address }) => cidr ?? address);
}
