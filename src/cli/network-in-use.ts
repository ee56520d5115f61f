import type { NetworkList } from "../cni/index.ts";
import { type Host, runJson } from "../doctor/host.ts";
import { OTHERS_CACHE } from "../doctor/leases.ts";
import { readLeases } from "../ipam/leases.ts";
import { poolsOf } from "../ipam/pools.ts";
import { bridgeNameOf } from "../lib/bridge-name.ts";
import { UserError } from "../lib/errors.ts";
import { shortId } from "../lib/short-id.ts";
import { markOf } from "../networks/mark.ts";
import type { SandboxView } from "../sandbox/view.ts";
import { usersOf } from "./network-users.ts";

interface Around {
  host: Host;
  views: readonly SandboxView[];
  /** The other networks. */
  others: readonly NetworkList[];
}

/** Throws IN_USE while a container is on the network, a stopped one too, or what another runtime of CNI has there. */
export async function assertUnused(
  list: NetworkList,
  { host, views, others }: Around,
): Promise<void> {
  const { name } = list;
  const users = usersOf(views, name);
  if (users.length > 0) {
    const who = users.map((user) => `${user.name ?? shortId(user.id)} (${user.state})`).join(", ");
    throw inUse(`the network ${name} has containers: ${who}`, {
      hint: "remove them first; those that are gone: docker-cni gc",
    });
  }
  const known = host.list(OTHERS_CACHE).join("\n");
  const foreign = readLeases(host, poolsOf(list)).find(({ containerId }) =>
    known.includes(containerId),
  );
  if (foreign !== undefined) {
    const whose = `${foreign.address} is that of ${shortId(foreign.containerId)}`;
    throw inUse(`another runtime uses the network ${name}: ${whose}`, {
      hint: `remove that container first; ${OTHERS_CACHE} tells of it`,
    });
  }
  const bridge = ownBridge(list, others);
  const ports = bridge && (await runJson(host, ["ip", "-json", "link", "show", "master", bridge]));
  if (Array.isArray(ports) && ports.length > 0) {
    throw inUse(`something is on the bridge ${bridge} of the network ${name}`, {
      hint: `see what it is with: ip link show master ${bridge}`,
    });
  }
}

/** The bridge that goes with a network: one that it has made, and no other network is on. */
export function ownBridge(list: NetworkList, others: readonly NetworkList[]): string | undefined {
  const bridge = markOf(list)?.bridge;
  const isShared = others.some(({ plugins }) =>
    plugins.some((each) => bridgeNameOf(each) === bridge),
  );
  return isShared ? undefined : bridge;
}

function inUse(message: string, { hint }: { hint: string }): UserError {
  return new UserError("IN_USE", `${message}; nothing was removed`, { hint });
}
