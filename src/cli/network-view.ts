import type { NetworkList } from "../cni/index.ts";
import { subnetsOf } from "../ipam/pools.ts";
import { rangeOf } from "../lib/ip-range.ts";
import { markOf } from "../networks/mark.ts";
import type { SandboxView } from "../sandbox/view.ts";

/** A network as `network ls --json` prints it; the names are those of Docker. */
export interface NetworkView {
  name: string;
  /** The type of the plugin that makes the interface. */
  driver: string;
  scope: "local";
  /** Whether containers that name no network are on it. */
  default: boolean;
  ipv6: boolean;
  internal: boolean;
  subnets: string[];
  labels: Readonly<Record<string, string>>;
  /** ISO 8601; null where `network create` did not make it. */
  createdAt: string | null;
  file: string | null;
  /** The names of the containers on it; the id of one without a name. */
  containers: string[];
}

export interface Inhabited {
  list: NetworkList;
  isDefault: boolean;
  users: readonly SandboxView[];
}

export function viewNetwork({ list, isDefault, users }: Inhabited): NetworkView {
  const mark = markOf(list);
  const subnets = subnetsOf(list);
  return {
    name: list.name,
    driver: list.plugins[0]?.type ?? "",
    scope: "local",
    default: isDefault,
    ipv6: subnets.some((subnet) => rangeOf(subnet)?.family === 6),
    internal: mark?.internal === true,
    subnets,
    labels: mark?.labels ?? {},
    createdAt: mark?.created ?? null,
    file: list.file ?? null,
    containers: users.map(({ id, name }) => name ?? id),
  };
}

/** The same with all that is known: who is on it with which address, and the list of plugins as its file has it. */
export function inspectNetwork(inhabited: Inhabited) {
  const { list, users } = inhabited;
  const config: unknown = JSON.parse(list.raw);
  return {
    ...viewNetwork(inhabited),
    containers: users.map(({ id, name, state, record }) => ({
      id,
      name: name ?? null,
      state,
      interfaces: record.attachments
        .filter(({ network }) => network === list.name)
        .map(({ ifName, addresses, mac }) => ({ interface: ifName, addresses, mac: mac ?? null })),
    })),
    config,
  };
}
