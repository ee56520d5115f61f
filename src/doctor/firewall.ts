import { bridgeNameOf } from "../lib/bridge-name.ts";
import type { PluginConfig } from "../cni/index.ts";
import { isJsonObject } from "../lib/fields.ts";
import { textOf } from "../lib/texts.ts";
import { byHand, command, fine, type Finding, warning } from "./finding.ts";
import { runJson } from "./host.ts";
import type { Subject } from "./subject.ts";

/** What Docker makes its own rules with, and whether the networks' plugins go with it. */
export async function dockerFirewall({ engineInfo, networks }: Subject): Promise<Finding[]> {
  const title = "Docker's firewall";
  const info = await engineInfo();
  if (info === undefined) return [];
  const told = info["FirewallBackend"];
  const driver = isJsonObject(told) ? textOf(told["Driver"]) : "iptables";
  if (!driver.startsWith("nftables")) return [fine(title, driver)];
  const findings = (await networks()).flatMap(({ name, file = "", plugins }) =>
    plugins
      .filter(({ type, backend }) => type === "portmap" && backend !== "nftables")
      .map(() => {
        const detail = `Docker uses nftables, and portmap of ${name} iptables: two sets of rules, whose order nobody sees to`;
        const edit = `s/"type": *"portmap"/&, "backend": "nftables"/`;
        return warning(title, detail, command("sed", "-i", edit, file));
      }),
  );
  return findings.length > 0 ? findings : [fine(title, driver)];
}

/** Whether there are rules of both kinds of iptables at once. */
export async function iptablesKinds({ host, iptables, networks }: Subject): Promise<Finding[]> {
  const title = "iptables";
  const { code, stdout } = await host.run(["iptables", "--version"]);
  if (code !== 0) {
    const users = (await networks()).filter(({ plugins }) => plugins.some(needsIptables));
    if (users.length === 0) return [fine(title, "not there, and no network needs it")];
    const names = users.map(({ name }) => name).join(", ");
    const detail = `not there, and plugins of ${names} need it: portmap, firewall and ipMasq do without a nftables backend`;
    return [warning(title, detail, command("apt-get", "install", "iptables"))];
  }
  const version = stdout.trim();
  const legacyTables = host.read("/proc/net/ip_tables_names")?.trim() ?? "";
  if (!version.includes("nf_tables") || legacyTables === "") return [fine(title, version)];
  // The tables are there, so that this loads nothing.
  const legacy = (await host.run(["iptables-legacy-save"])).stdout;
  const rules = legacy.split("\n").filter((line) => line.startsWith("-A "));
  if (rules.length === 0) return [fine(title, version)];
  const isDockers = rules.some((line) => line.includes("DOCKER"));
  const own = ((await iptables("iptables")) ?? []).filter((line) => line.startsWith("-A ")).length;
  const detail = `${rules.length} rules of iptables-legacy beside ${own} of nf_tables: each packet passes both`;
  return [
    warning(
      title,
      isDockers ? `${detail}; Docker's are the legacy ones` : detail,
      isDockers
        ? command("update-alternatives", "--set", "iptables", "/usr/sbin/iptables-legacy")
        : {
            steps: [
              ["iptables-legacy", "-F"],
              ["iptables-legacy", "-t", "nat", "-F"],
            ],
          },
    ),
  ];
}

/** Whether a plugin makes rules by iptables; those of version 1.6 and later have a backend for nftables. */
function needsIptables({ type, backend, ipMasq, ipMasqBackend }: PluginConfig): boolean {
  if (type === "firewall") return backend !== "firewalld";
  if (type === "portmap") return backend !== "nftables";
  return ipMasq === true && ipMasqBackend !== "nftables";
}

/** What in nftables drops packets that are forwarded by its policy; that of iptables has a check of its own. */
export async function nftForwardPolicy({ host }: Subject): Promise<Finding[]> {
  const read = await runJson(host, ["nft", "--json", "list", "chains"]);
  const objects = isJsonObject(read) ? read["nftables"] : undefined;
  if (!Array.isArray(objects)) return [];
  const title = "forward policy of nftables";
  const dropping = objects
    .filter(isJsonObject)
    .map(({ chain }) => chain)
    .filter(isJsonObject)
    .filter(({ hook, policy }) => hook === "forward" && policy === "drop")
    .map(({ family, table, name }) => [family, table, name].map(textOf).join(" "))
    // Those are of iptables-nft.
    .filter((name) => !/^ip6? filter FORWARD$/.test(name));
  if (dropping.length === 0) return [fine(title, "nothing drops what is not known")];
  return dropping.map((chain) => {
    const detail = `the chain ${chain} drops what no rule of it accepts, whatever others accept`;
    const hint = `accept the networks' bridges in the file that makes it, such as: nft add rule ${chain} iifname "cni-*" accept`;
    return warning(title, detail, byHand(hint));
  });
}

/** firewalld, whose reload takes the rules of plugins away. */
export async function firewalld(subject: Subject): Promise<Finding[]> {
  const title = "firewalld";
  const { host } = subject;
  const { code, stdout } = await host.run(["firewall-cmd", "--state"]);
  if (code !== 0 || !stdout.includes("running")) return [fine(title, "does not run")];
  const { stdout: trusted } = await host.run([
    "firewall-cmd",
    "--zone=trusted",
    "--list-interfaces",
  ]);
  const known = new Set(trusted.split(/\s+/));
  const missing = (await bridges(subject)).filter((name) => !known.has(name));
  if (missing.length === 0) {
    return [fine(title, "runs, and trusts the bridges; after its reload: docker-cni heal")];
  }
  const detail = `it runs, and drops what comes by ${missing.join(", ")}; its reload takes the rules of plugins away too, which docker-cni heal brings back`;
  const add = missing.map((name) => `--add-interface=${name}`);
  return [
    warning(title, detail, {
      steps: [
        ["firewall-cmd", "--permanent", "--zone=trusted", ...add],
        ["firewall-cmd", "--zone=trusted", ...add],
      ],
    }),
  ];
}

async function bridges({ networks }: Subject): Promise<string[]> {
  const plugins = (await networks()).flatMap((list) => list.plugins);
  return [...new Set(plugins.flatMap((plugin) => bridgeNameOf(plugin) ?? []))];
}
