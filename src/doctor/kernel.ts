import { broken, command, fine, type Finding } from "./finding.ts";
import type { Subject } from "./subject.ts";

/** The kind of interface, as ip-link(8) calls it, that a plugin makes; and the module that has it. */
const LINKS: Readonly<Record<string, { kind: string; module: string }>> = {
  bandwidth: { kind: "ifb", module: "ifb" },
  bridge: { kind: "bridge", module: "bridge" },
  dummy: { kind: "dummy", module: "dummy" },
  ipvlan: { kind: "ipvlan", module: "ipvlan" },
  macvlan: { kind: "macvlan", module: "macvlan" },
  ptp: { kind: "veth", module: "veth" },
  vlan: { kind: "vlan", module: "8021q" },
  vrf: { kind: "vrf", module: "vrf" },
};

/** What the plugins ask of iptables for a container: tried as they write it. */
const RULES = [
  ["nat", "POSTROUTING", "-m", "comment", "--comment", "probe", "-j", "MASQUERADE"],
  ["filter", "FORWARD", "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT"],
] as const;

/** Whether the kernel has what the rules of portmap, firewall and ipMasq need. */
export async function kernelRules({ host, networks }: Subject): Promise<Finding[]> {
  const title = "kernel, rules";
  const plugins = (await networks()).flatMap((list) => list.plugins);
  const users = plugins.filter(
    ({ type, ipMasq }) => type === "portmap" || type === "firewall" || ipMasq === true,
  );
  if (users.length === 0) return [];
  const found = await Promise.all(
    RULES.map(async ([table, ...rule]): Promise<Finding[]> => {
      const add = ["iptables", "-t", table, "-A", ...rule];
      const { code, stderr } = await host.run(["unshare", "--net", "--", ...add]);
      // Where iptables itself is missing, that is told of by itself.
      if (code === 0 || code === undefined || /No such file|not found/.test(stderr)) return [];
      const detail = `a rule as plugins make it in the table ${table} fails: ${stderr.trim()}`;
      return [
        broken(
          title,
          detail,
          command("modprobe", "-a", `iptable_${table}`, "nft_compat", "nf_conntrack"),
        ),
      ];
    }),
  );
  return found.flat().length > 0 ? found.flat() : [fine(title, "has what iptables needs")];
}

/** Whether the kernel has what the plugins of the networks make, tried in a namespace that ends with the trial. */
export async function kernelFeatures({ host, networks }: Subject): Promise<Finding[]> {
  const title = "kernel";
  const types = new Set(
    (await networks()).flatMap(({ plugins }) => plugins.map((each) => each.type)),
  );
  const needed = [...types].flatMap((type) => {
    const link = LINKS[type];
    return link === undefined ? [] : [{ type, ...link }];
  });
  const found = await Promise.all(
    needed.map(async ({ type, kind, module }): Promise<Finding[]> => {
      const make = ["ip", "link", "add", "probe0", "type", kind];
      const { stderr } = await host.run(["unshare", "--net", "--", ...make]);
      // Other errors, such as a missing parent, come from a kernel that knows the kind.
      if (!/Unknown device type|Operation not supported/.test(stderr)) return [];
      const detail = `no interfaces of the kind ${kind}, which the plugin ${type} makes`;
      return [broken(title, detail, command("modprobe", module))];
    }),
  );
  const missing = found.flat();
  if (missing.length > 0) return missing;
  const kinds = needed.map(({ kind }) => kind);
  return kinds.length === 0 ? [] : [fine(title, `has ${kinds.join(", ")}`)];
}
