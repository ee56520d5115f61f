import { UserError } from "../lib/errors.ts";
import type { DockerContainer } from "../engine/docker-container.ts";

/** A flag that Docker accepts with `--network none` and CNI has nothing for: how it was given, and what to do instead. */
interface UnmetFlag {
  flag: string;
  values: readonly string[];
  instead: string;
}

/** Throws BAD_REQUEST for what was asked of the container's network by a flag that cannot be met on a CNI network. */
export function refuseUnmetFlags(docker: DockerContainer): void {
  const flags: UnmetFlag[] = [
    {
      flag: "--link",
      values: docker.links.map(withoutSlashes),
      instead:
        "leave it out: containers on one CNI network find each other by name, and further names are cni.aliases of the other one",
    },
    {
      flag: "--link-local-ip",
      values: docker.linkLocalIps,
      instead: "ask for addresses with --label cni.ip=…",
    },
    {
      flag: "--network none,driver-opt=",
      values: docker.driverOpts,
      instead: "tell plugins with --label cni.args=…",
    },
  ];
  const unmet = flags.find(({ values }) => values.length > 0);
  if (unmet === undefined) return;
  const { flag, values, instead } = unmet;
  const given = flag.endsWith("=") ? `${flag}${values.join(",")}` : `${flag} ${values.join(", ")}`;
  throw new UserError("BAD_REQUEST", `${given}: a CNI network has nothing of the kind`, {
    hint: instead,
  });
}

/** Docker notes a link as `/db:/web/sql`: the other one, then the alias in this one. */
function withoutSlashes(link: string): string {
  const [other = "", alias = ""] = link.split(":");
  return `${other.replace(/^\//, "")}:${alias.split("/").at(-1) ?? ""}`;
}
