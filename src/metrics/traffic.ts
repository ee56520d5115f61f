import type { Counters } from "../netns/traffic.ts";
import type { SandboxView } from "../sandbox/view.ts";
import type { Family } from "./exposition.ts";

/** The counters of a container's interface on a network. */
export interface Traffic {
  view: Pick<SandboxView, "id" | "name">;
  network: string;
  ifName: string;
  counters: Counters;
}

const DIRECTIONS = { receive: "received", transmit: "sent" } as const;
const KINDS = {
  bytes: "Bytes",
  packets: "Packets",
  drops: "Packets dropped of those",
  errors: "Errors among those",
} as const;

/** Bytes, packets, drops and errors of containers' interfaces, as the containers see them. */
export function trafficFamilies(traffic: readonly Traffic[]): Family[] {
  return (["receive", "transmit"] as const).flatMap((direction) =>
    (["bytes", "packets", "drops", "errors"] as const).map((kind) => ({
      name: `docker_cni_interface_${direction}_${kind}_total`,
      help: `${KINDS[kind]} that an interface of a container ${DIRECTIONS[direction]}.`,
      type: "counter" as const,
      samples: traffic.map(({ view, network, ifName, counters }) => ({
        labels: { container: view.name ?? "", id: view.id, network, interface: ifName },
        value: counters[direction][kind],
      })),
    })),
  );
}
