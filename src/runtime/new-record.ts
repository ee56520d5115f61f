import type { NetworkList } from "../cni/index.ts";
import type { Config } from "../config/config.ts";
import { findEngineFile } from "../engine/container-dir.ts";
import type { DockerContainer } from "../engine/docker-container.ts";
import { composeName, namesOf } from "../names/hosts-file.ts";
import { netnsName } from "../netns/netns.ts";
import { interfacesWithoutIpv6 } from "../oci/spec.ts";
import { askedOf } from "../request/asked.ts";
import {
  macFor,
  networksForPorts,
  runtimeConfFor,
  rawListWithArgs,
} from "../request/runtime-conf.ts";
import { type Workload, workloadArgs } from "../request/workload-args.ts";
import type { AttachmentRecord, SandboxRecord } from "../state/record.ts";
import type { NetworkRequest } from "./network-request.ts";
import type { ContainerFacts } from "./plan.ts";
import type { AllottedPorts } from "../sandbox/allot-ports.ts";

const NO_PORTS: AllottedPorts = { all: [], byNetwork: [], chosen: [] };

/**
 * The record of a network that is asked for `at` a moment (ISO 8601), before anything of it is made; its ports are not allotted
 * yet. Throws BAD_REQUEST for what no network can carry.
 */
export function newRecord(
  facts: ContainerFacts,
  options: AttachmentsOptions,
  at: string,
): SandboxRecord {
  const { id, docker, bootId, runtimeDir, environment, config } = facts;
  const { networkRequest } = options;
  const service = composeName(networkRequest.labels);
  return {
    version: 1,
    id,
    state: "creating",
    netns: netnsName(id),
    bootId,
    createdAt: at,
    keep: docker !== undefined && !docker.autoRemove && mayKeep(config.keep, networkRequest.keep),
    ...currentIdentity(facts, networkRequest.name),
    ...(service && { service }),
    ...(docker && { asked: askedOf(docker) }),
    runtimeDir,
    environment,
    attachments: planAttachments(options, NO_PORTS),
  };
}

/** How the container is called now, and the files of its own that its network shows in. */
export function currentIdentity(
  { id, spec, docker }: ContainerFacts,
  requestedName?: string,
): Pick<SandboxRecord, "name" | "names" | "files" | "containerDir" | "withoutIpv6"> {
  const name = docker?.name ?? requestedName;
  const { hostname = docker?.hostname } = spec;
  const hosts = findEngineFile(spec, id, "/etc/hosts");
  const resolvConf = findEngineFile(spec, id, "/etc/resolv.conf");
  const withoutIpv6 = interfacesWithoutIpv6(spec);
  return {
    ...(docker && { containerDir: docker.directory }),
    ...(name !== undefined && { name }),
    ...(withoutIpv6.length > 0 && { withoutIpv6 }),
    names: namesOf({ hostname, domainname: docker?.domainname, name }),
    files: {
      ...(hosts !== undefined && { hosts }),
      ...(resolvConf !== undefined && { resolvConf }),
    },
  };
}

function mayKeep(policy: Config["keep"], asked: boolean | undefined): boolean {
  return policy === "label" ? asked === true : policy === "always" && asked !== false;
}

export interface AttachmentsOptions {
  networkRequest: NetworkRequest;
  /** The networks that were asked for, in their order. */
  lists: readonly NetworkList[];
  docker: DockerContainer | undefined;
  workload: Workload;
  /** What plugins are told of the workload: `id`, `name`, `label:KEY`. */
  workloadArgs: readonly string[];
}

/** What a new sandbox is attached to, with the `ports` that it was allotted. Throws BAD_REQUEST for what no network can carry. */
export function planAttachments(
  options: AttachmentsOptions,
  ports: AllottedPorts,
): AttachmentRecord[] {
  const { networkRequest, lists, docker, workload } = options;
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
