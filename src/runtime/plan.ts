import { CniError, type NetworkList, realPluginExec } from "../cni/index.ts";
import type { DockerContainer } from "../engine/docker-container.ts";
import {
  macFor,
  networksForPorts,
  runtimeConfFor,
  rawListWithArgs,
} from "../request/runtime-conf.ts";
import { type Workload, workloadArgs } from "../request/workload-args.ts";
import type { AttachmentRecord } from "../state/record.ts";
import type { AllottedPorts } from "./ports.ts";
import type { NetworkRequest } from "./network-request.ts";

export interface PlanOptions {
  networkRequest: NetworkRequest;
  /** The networks that were asked for, in their order. */
  lists: readonly NetworkList[];
  ports: AllottedPorts;
  docker: DockerContainer | undefined;
  pluginDirs: readonly string[];
  workload: Workload;
  /** What plugins are told of the workload: `id`, `name`, `label:KEY`. */
  workloadArgs: readonly string[];
}

/** Decides what a new sandbox is attached to. Nothing exists yet: an error here undoes nothing. */
export function planAttachments(options: PlanOptions): AttachmentRecord[] {
  const { networkRequest, lists, ports, docker, pluginDirs, workload } = options;
  const publishing = networksForPorts(lists, networkRequest.ports);
  const dns = docker && {
    servers: docker.dns,
    searches: docker.dnsSearch,
    options: docker.dnsOptions,
  };
  const told = workloadArgs(workload, options.workloadArgs).args;
  return networkRequest.networks.flatMap((network, place): AttachmentRecord[] => {
    const list = lists[place];
    if (list === undefined) return [];
    requirePlugins(list, pluginDirs);
    const { ifName, aliases, defaultRoute } = network;
    const conf = runtimeConfFor(list, network, {
      ports: [...(publishing.includes(list) ? ports.all : []), ...(ports.byNetwork[place] ?? [])],
      ...(dns && { dns }),
    });
    const mac = macFor(list, network);
    return [
      {
        network: list.name,
        ifName,
        list:
          Object.keys(conf.configArgs).length === 0
            ? list.raw
            : rawListWithArgs(list.raw, list.plugins, conf.configArgs),
        cniArgs: [["IgnoreUnknown", "1"], ...told, ...conf.cniArgs],
        capabilityArgs: conf.capabilityArgs,
        addresses: [],
        ...(mac !== undefined && { mac }),
        ...(network.ifNameAsked === true && { ifNameAsked: true as const }),
        ...(aliases.length > 0 && { aliases }),
        ...(defaultRoute && { defaultRoute }),
      },
    ];
  });
}

/**
 * A plugin that is missing in the middle of a chain would fail DEL as it fails ADD: it is told before the first effect. Whether
 * an `ipam.type` is another binary, or the plugin's own, is for the plugin to say.
 */
function requirePlugins(list: NetworkList, pluginDirs: readonly string[]): void {
  const exec = realPluginExec();
  for (const { type } of list.plugins) {
    if (exec.find(type, pluginDirs) !== undefined) continue;
    throw new CniError({
      kind: "not-found",
      msg: `there is no plugin binary "${type}"; searched ${pluginDirs.join(", ")}`,
      plugin: type,
      network: list.name,
      command: "ADD",
    });
  }
}
