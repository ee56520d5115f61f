import type { Config } from "../config/config.ts";
import { askedOf } from "../request/asked.ts";
import { findEngineFile } from "../engine/container-dir.ts";
import { composeName, namesOf } from "../names/hosts-file.ts";
import { netnsName } from "../netns/netns.ts";
import { hasUserNamespace, interfacesWithoutIpv6 } from "../oci/spec.ts";
import type { SandboxRecord } from "../state/record.ts";
import type { CreateCall } from "./args.ts";
import type { CreateContext } from "./create.ts";
import { pluginEnvironment } from "./environment.ts";
import type { Container } from "./network.ts";
import { planAttachments } from "./plan.ts";
import type { AllottedPorts } from "./ports.ts";
import { loadNetworks } from "./network-request.ts";

/** What a record that takes the place of another one needs. */
export interface RecordChange {
  /** Called when it is known that what is asked for can be met. */
  prepare?: () => Promise<void>;
  /** Called before the record is written. */
  adjust?: (record: SandboxRecord) => void;
}

/**
 * Remembers what is about to be made: from here on whatever crashes can be undone. It is not yet safe from a power cut,
 * which takes the namespace with it.
 */
export async function newRecord(
  context: CreateContext,
  call: CreateCall,
  container: Container,
  { prepare, adjust }: RecordChange = {},
): Promise<SandboxRecord> {
  const { config, bootId, runtime } = context;
  const { docker } = container;
  const networkRequest = await container.networkRequest();
  const lists = await loadNetworks(networkRequest, config.cniConfDir);
  const netns = netnsName(call.id);
  if (prepare === undefined && context.netns.exists(netns)) {
    const { netnsTaken } = await import("./netns-taken.ts");
    const owner = context.netns.ownerOf(netns);
    throw netnsTaken({ netns, id: call.id, owner, stateDir: config.stateDir });
  }
  const name = docker?.name ?? networkRequest.name;
  const service = composeName(networkRequest.labels);
  const withPorts = (ports: AllottedPorts): SandboxRecord => ({
    version: 1,
    id: call.id,
    state: "creating",
    netns,
    bootId,
    createdAt: new Date().toISOString(),
    keep: docker !== undefined && !docker.autoRemove && mayKeep(config.keep, networkRequest.keep),
    ...(hasUserNamespace(container.spec) && { userns: true }),
    ...identity(call, container, networkRequest.name),
    ...(service && { service }),
    ...(docker && { asked: askedOf(docker) }),
    runtimeDir: runtime.stateDir(call),
    environment: pluginEnvironment(context.env),
    ...(ports.chosen.length > 0 && { chosenPorts: ports.chosen }),
    attachments: planAttachments({
      networkRequest,
      lists,
      ports,
      docker,
      pluginDirs: config.cniBinDirs,
      workload: { id: call.id, name, labels: networkRequest.labels },
      workloadArgs: config.workloadArgs,
    }),
  });
  const noted = (ports: AllottedPorts): SandboxRecord => {
    const record = withPorts(ports);
    adjust?.(record);
    context.store.write(record, { durable: adjust !== undefined });
    return record;
  };
  const none = { all: [], byNetwork: [], chosen: [] };
  const asksForPorts = [networkRequest, ...networkRequest.networks].some(
    ({ ports }) => ports.length > 0,
  );
  // What cannot be met whatever the ports are is told before one of them is looked for.
  if (asksForPorts || prepare !== undefined) withPorts(none);
  await prepare?.();
  if (!asksForPorts) return noted(none);
  const { withAllottedPorts } = await import("./ports.ts");
  return withAllottedPorts(context, call.id, networkRequest, noted);
}

/** How the container is called, and the files of its own that its network shows in. */
export function identity(
  { id }: CreateCall,
  { spec, docker }: Container,
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
