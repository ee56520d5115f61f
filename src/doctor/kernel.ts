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
