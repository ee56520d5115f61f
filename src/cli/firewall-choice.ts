import { join } from "node:path";
import type { Host } from "../doctor/host.ts";
import { isJsonObject } from "../lib/fields.ts";
import { textOf } from "../lib/texts.ts";
import type { Firewall, NetworkSurroundings } from "../networks/options.ts";

export type FirewallChoice = "auto" | Firewall;

export interface ChosenFirewall {
  firewall: Firewall;
  /** Why it is not what it ought to be; `isWorking`: rules can be made all the same. */
  problem?: { why: string; hint: string; isWorking: boolean };
}

interface Around {
  host: Pick<Host, "run" | "read" | "engine">;
  binDirs: readonly string[];
}

/** What is in the executables of plugins that have the nftables backends: they tell of no version of their own. */
const BACKENDS = { bridge: "ipMasqBackend", portmap: "cni_hostport" } as const;

/**
 * What a new network's plugins are to make rules with: as asked, else nftables where Docker does or there is no iptables. Plugins
 * before 1.6 know iptables only.
 */
export async function chooseFirewall(
  asked: FirewallChoice,
  around: Around,
): Promise<ChosenFirewall> {
  const { host } = around;
  if (asked === "iptables") return { firewall: "iptables" };
  const [isDockers, hasIptables] = await Promise.all([
    dockerUsesNftables(host),
    runs(host, "iptables"),
  ]);
  if (asked === "auto" && !isDockers && hasIptables) return { firewall: "iptables" };
  const why = hasIptables ? "Docker uses nftables" : "there is no iptables";
  const isWorking = hasIptables && asked === "auto";
  const firewall = isWorking ? "iptables" : "nftables";
  const old = Object.entries(BACKENDS)
    .filter(([type, text]) => !pluginHas(around, type, text))
    .map(([type]) => type);
  if (old.length > 0) {
    const which = `${asked === "auto" ? `${why}, and ` : ""}the installed ${old.join(" and ")} of the CNI plugins know iptables only`;
    const other = hasIptables ? "take --firewall iptables" : "install iptables";
    const hint = `install containernetworking-plugins 1.6 or later, or ${other}`;
    return { firewall, problem: { why: which, hint, isWorking } };
  }
  if (!(await runs(host, "nft"))) {
    const problem = { why: "nft is not installed", hint: "install nftables", isWorking };
    return { firewall, problem };
  }
  return { firewall: "nftables" };
}

/** From whom the installed plugin firewall isolates a network. */
export function isolationOf(
  host: Around["host"],
  binDirs: readonly string[],
): NonNullable<NetworkSurroundings["isolates"]> {
  const around = { host, binDirs };
  if (pluginHas(around, "firewall", "isolated")) return "from all";
  return pluginHas(around, "firewall", "same-bridge") ? "from isolated" : "no";
}

async function dockerUsesNftables({ engine }: Around["host"]): Promise<boolean> {
  const info = await engine("/info");
  const told = info.ok && isJsonObject(info.body) ? info.body["FirewallBackend"] : undefined;
  return isJsonObject(told) && textOf(told["Driver"]).startsWith("nftables");
}

async function runs({ run }: Around["host"], command: string): Promise<boolean> {
  return (await run([command, "--version"])).code === 0;
}

function pluginHas({ host, binDirs }: Around, type: string, text: string): boolean {
  const found = binDirs.map((dir) => host.read(join(dir, type))).find((each) => each !== undefined);
  return found?.includes(text) === true;
}
