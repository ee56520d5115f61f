import { rmSync } from "node:fs";
import { join } from "node:path";
import type { NetworkList } from "../cni/index.ts";
import { fabricNeeds } from "../doctor/fabrics.ts";
import { describeRemedy, type Finding } from "../doctor/finding.ts";
import { type Host, runJson } from "../doctor/host.ts";
import { localHost } from "../doctor/local-host.ts";
import { hostNetwork } from "../doctor/make-subject.ts";
import { findUplink, mtuAgainstUplink } from "../doctor/mtu.ts";
import { pluginBinaries } from "../doctor/plugins.ts";
import { subnetOverlap } from "../doctor/subnets.ts";
import { UserError } from "../lib/errors.ts";
import { isJsonObject } from "../lib/fields.ts";
import type { NamesBy } from "../lib/network-mark.ts";
import { textOf } from "../lib/texts.ts";
import { newFileName } from "../networks/file-names.ts";
import { markOf } from "../networks/mark.ts";
import { planNetwork } from "../networks/new-network.ts";
import { parseBandwidth } from "../request/values.ts";
import { withExclusiveHostLock } from "../sandbox/host-lock.ts";
import type { OperatorCall } from "./cli.ts";
import {
  chooseFirewall,
  type ChosenFirewall,
  type FirewallChoice,
  isolationOf,
} from "./firewall-choice.ts";
import { type FoundNetworks, readNetworks, writeNetwork } from "./network-folder.ts";
import { printable } from "./terminal.ts";

export interface CreateOptions {
  driver?: string;
  plugin: string[];
  subnet: string[];
  gateway: string[];
  ipRange: string[];
  ipv6?: boolean;
  mtu?: number;
  parent?: string;
  internal?: boolean;
  label: string[];
  isolate?: boolean;
  dhcp?: boolean;
  hostAccess?: boolean;
  vlan?: number;
  dns: string[];
  dnsSearch: string[];
  names?: NamesBy;
  bandwidth?: string;
  firewall: FirewallChoice;
  default?: boolean;
  test?: boolean;
  dryRun?: boolean;
  json?: boolean;
}

/**
 * `network create`: writes the file of a network, behind that of the default network. Throws BAD_ARGS for what cannot work, and
 * IN_USE for what is taken; nothing is changed then.
 */
export async function createNetwork(
  call: OperatorCall,
  name: string,
  options: CreateOptions,
): Promise<void> {
  const { config, sandbox, print } = call;
  const dir = config.cniConfDir;
  if (options.test && options.driver === "host-device") {
    throw new UserError("BAD_ARGS", "--test: the one interface of host-device is not for two", {
      hint: "leave --test out",
    });
  }
  const plan = async () => {
    const found = await readNetworks(dir);
    const list = await planAndCheck(call, found, { name, options });
    return { list, file: join(dir, newFileName(name, found, options.default === true)) };
  };
  const planAndWrite = async () => {
    const planned = await plan();
    await writeNetwork(planned.file, planned.list.raw);
    await openOrRemove(call, planned);
    return planned;
  };
  const { list, file } = options.dryRun
    ? await plan()
    : await withExclusiveHostLock(sandbox, planAndWrite);
  if (options.test && !options.dryRun) await proveOrRemove(call, name, options);
  if (options.json) {
    const network: unknown = JSON.parse(list.raw);
    print(JSON.stringify({ name, file, network }, null, 2));
  } else if (options.dryRun) print(`${file}:`, list.raw.trimEnd());
  else print(name);
}

/** Makes what the host has of the network at once. Where that fails nothing stays. */
async function openOrRemove(
  { env }: OperatorCall,
  { list, file }: { list: NetworkList; file: string },
) {
  if (markOf(list)?.hostAccess === undefined) return;
  const { openHostAccess, closeHostAccess } = await import("./host-access.ts");
  const host = localHost(env);
  try {
    await openHostAccess(host, list);
  } catch (error) {
    await closeHostAccess(host, list).catch(() => {});
    rmSync(file, { force: true });
    throw error;
  }
}

const SAME_BRIDGE =
  "--isolate: this plugin firewall keeps apart networks that all have it; from others it needs containernetworking-plugins 1.7";

interface Asked {
  name: string;
  options: CreateOptions;
}

/** The network, when the doctor has nothing to say of it. */
async function planAndCheck(
  { config, sandbox, env }: OperatorCall,
  { lists }: FoundNetworks,
  { name, options }: Asked,
): Promise<NetworkList> {
  const host = localHost(env);
  const { links, routes } = hostNetwork(host);
  const ways = await routes();
  const bandwidth =
    options.bandwidth === undefined
      ? undefined
      : parseBandwidth({ flag: "--bandwidth", value: options.bandwidth });
  const chosen = await chooseFirewall(options.firewall, { host, binDirs: config.cniBinDirs });
  if (chosen.problem !== undefined) warnOrRefuse(chosen, options);
  const isolates = options.isolate ? isolationOf(host, config.cniBinDirs) : undefined;
  if (isolates === "from isolated" && options.internal !== true) {
    process.stderr.write(`docker-cni: ${SAME_BRIDGE}\n`);
  }
  const list = planNetwork(
    {
      name,
      driver: options.driver,
      plugins: options.plugin,
      subnets: options.subnet,
      gateways: options.gateway,
      ipRanges: options.ipRange,
      ipv6: options.ipv6 === true,
      internal: options.internal === true,
      mtu: options.mtu,
      parent: options.parent,
      labels: options.label,
      isolate: options.isolate === true,
      dhcp: options.dhcp === true,
      hostAccess: options.hostAccess === true,
      ...(bandwidth && { bandwidth: { ...bandwidth } }),
      dns: options.dns,
      dnsSearch: options.dnsSearch,
      vlan: options.vlan,
      names: options.names,
    },
    {
      networks: lists,
      routes: ways.map(({ dst }) => dst).filter((dst) => dst !== "default"),
      links: (await links()).map(({ ifname }) => ifname),
      bridges: await readBridges(host),
      uplink: await findUplink({ links, routes }),
      firewall: chosen.firewall,
      ...(isolates && { isolates }),
      now: new Date().toISOString(),
    },
  );
  const alone = async (): Promise<NetworkList[]> => [list];
  const own = (finding: Finding): boolean => finding.title === `network ${name}`;
  const clashes = await subnetOverlap({ networks: async () => [...lists, list], routes });
  refuse(clashes.filter(own), "give another --subnet, or leave it out: a free one is chosen");
  refuse(await pluginBinaries({ host, config, cni: sandbox.cni, networks: alone }));
  // A session of BGP may still be on its way.
  refuse(
    (await fabricNeeds({ host, networks: alone })).filter(({ title }) => !title.startsWith("BGP ")),
  );
  for (const { status, detail } of await mtuAgainstUplink({ networks: alone, links, routes })) {
    if (status !== "fine") process.stderr.write(`docker-cni: ${name}: ${printable(detail)}\n`);
  }
  return list;
}

/** Rules of old plugins are made where they can be made; what asked for others by name is refused. */
function warnOrRefuse({ firewall, problem }: ChosenFirewall, { firewall: asked }: CreateOptions) {
  if (problem === undefined) return;
  if (asked === firewall || asked === "auto") {
    if (problem.isWorking) {
      process.stderr.write(`docker-cni: ${printable(problem.why)}; ${problem.hint}\n`);
      return;
    }
  }
  throw new UserError("BAD_ARGS", `--firewall ${asked}: ${problem.why}; nothing was written`, {
    hint: problem.hint,
  });
}

async function readBridges(host: Host): Promise<string[]> {
  const links = await runJson(host, ["ip", "-json", "link", "show", "type", "bridge"]);
  const names = Array.isArray(links) ? links.filter(isJsonObject) : [];
  return names.map(({ ifname }) => textOf(ifname)).filter((name) => name !== "");
}

function refuse(findings: readonly Finding[], hint?: string): void {
  const bad = findings.find(({ status }) => status === "broken");
  if (bad === undefined) return;
  const remedy = bad.remedy === undefined ? "see docker-cni doctor" : describeRemedy(bad.remedy);
  throw new UserError("BAD_ARGS", `${bad.title}: ${bad.detail}; nothing was written`, {
    hint: hint ?? remedy,
  });
}

/** Runs the test of networks for this one. Throws CNI_FAILED when something of it does not work, and the network is gone again. */
async function proveOrRemove(
  call: OperatorCall,
  name: string,
  { json }: CreateOptions,
): Promise<void> {
  const { testNetworks } = await import("./test.ts");
  // One value is printed with --json, and an error ends the command.
  const quiet = { ...call, exit: () => {}, ...(json && { print: () => {} }) };
  let works = false;
  try {
    works = await testNetworks(quiet, [name], {});
  } finally {
    if (!works) await removeUnproven(call, name);
  }
  if (works) return;
  throw new UserError("CNI_FAILED", `the network ${name} does not work, and was removed again`, {
    hint: "the test tells above what fails; without --test the network stays",
  });
}

async function removeUnproven(call: OperatorCall, name: string): Promise<void> {
  const { removeNetwork } = await import("./network-rm.ts");
  try {
    await removeNetwork(call, name);
  } catch (cause) {
    if (!(cause instanceof UserError)) throw cause;
    const message = `the network ${name} does not work, and could not be removed: ${cause.message}`;
    throw new UserError("CNI_FAILED", message, {
      hint: `when docker-cni gc has released what the test left: docker-cni network rm ${name}`,
      cause,
    });
  }
}
