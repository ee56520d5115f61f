import {
  CniError,
  isValidContainerId,
  loadDefaultNetworkList,
  type NetworkList,
} from "../cni/index.ts";
import type { Config } from "../config/config.ts";
import type { DockerContainer } from "../engine/docker-container.ts";
import type { ImageConfig } from "../engine/image-config.ts";
import { isRequestKey, operatorWord } from "../request/trusted-labels.ts";
import { portsOfBindings } from "../ports/ports.ts";
import { namesNetworks, NOTHING, parseRequest, type SandboxRequest } from "../request/request.ts";
import type { Logger } from "../lib/log.ts";
import type { Spec } from "../oci/spec.ts";
import type { SandboxStore } from "../state/store.ts";

/** What was asked of a container's network, and the labels that are the operator's. */
export interface NetworkRequest extends SandboxRequest {
  labels: Record<string, string>;
  /** Why it is to have no network, where it is to have none. */
  whyNone?: string;
  /** The default network, where it was asked for. */
  defaultList?: NetworkList;
}

export interface NetworkRequestOptions {
  config: Config;
  log: Logger;
  store: SandboxStore;
  id: string;
  spec: Spec;
  docker: DockerContainer | undefined;
}

/**
 * Reads what was asked of the container's network, from annotations, Docker's own files and, where the configuration
 * lets it, the environment. What was ignored is logged. Throws BAD_REQUEST for a request that cannot be met.
 */
export async function readNetworkRequest(options: NetworkRequestOptions): Promise<NetworkRequest> {
  const { config, log, id, spec, docker } = options;
  const unknown = config.imageLabels === "allow" ? "use" : "ignore";
  const own = operatorWord({
    kind: "annotation",
    labels: spec.annotations ?? {},
    env: [],
    // podman copies an image's annotations among the container's own; other engines do not.
    images: await annotatedImages(spec, id),
    unknown,
  });
  const annotations = { ...own.labels, ...docker?.annotations };
  const word = operatorWord({
    labels: docker?.labels ?? {},
    env: spec.process?.env ?? [],
    images: await imagesOf(options),
    unknown,
  });
  const warn = (warnings: readonly string[]): void => {
    for (const warning of warnings) log.warn({ container: id, step: "request" }, warning);
  };
  warn([...(docker?.warnings ?? []), ...own.warnings, ...word.warnings]);
  const namesOne = namesNetworks({ annotations, labels: word.labels });
  if (!namesOne && config.attach === "labelled") {
    return { ...NOTHING, labels: word.labels, whyNone: NOT_ASKED_FOR };
  }
  const defaultList = namesOne ? undefined : await defaultNetwork(config.cniConfDir);
  const request = parseRequest({
    annotations,
    labels: word.labels,
    ifName: config.ifName,
    ...(defaultList !== undefined && { defaultNetwork: defaultList.name }),
    ...(docker && { ports: portsOfBindings(docker) }),
    ...(docker && { ips: docker.ips, networkAliases: docker.aliases }),
    ...(docker?.macAddress !== undefined && { macAddress: docker.macAddress }),
    ...(config.envAddresses && { env: word.env }),
  });
  warn(request.warnings);
  if (docker !== undefined && !request.none && hasUnmetFlags(docker)) {
    const { refuseUnmetFlags } = await import("../request/unmet-flags.ts");
    refuseUnmetFlags(docker);
  }
  return {
    ...request,
    labels: word.labels,
    ...(request.none && { whyNone: OPTED_OUT }),
    ...(defaultList !== undefined && { defaultList }),
  };
}

function hasUnmetFlags({ links, linkLocalIps, driverOpts }: DockerContainer): boolean {
  return links.length + linkLocalIps.length + driverOpts.length > 0;
}

const NOT_ASKED_FOR =
  "it names no network by cni.networks, and the configuration says attach: labelled";
const OPTED_OUT = "it opted out: cni.networks is none";

async function annotatedImages(spec: Spec, id: string): Promise<ImageConfig[] | undefined> {
  if (spec.mounts?.every(({ source }) => source?.includes("-containers/") !== true)) return [];
  const { isPodman, readPodmanImage } = await import("../engine/podman-image.ts");
  return isPodman(spec, id) ? readPodmanImage(spec, id) : [];
}

/**
 * Nothing is looked up for a container of which nothing is asked. What its image says is noted where something depends on it: the
 * image may be removed before the container.
 */
async function imagesOf({
  config,
  docker,
  id,
  store,
}: NetworkRequestOptions): Promise<ImageConfig[] | undefined> {
  if (docker === undefined) return undefined;
  const keys = Object.keys(docker.labels);
  if (keys.length === 0 && !config.envAddresses) return [];
  const { readImageConfigs } = await import("../engine/image-config.ts");
  const found = readImageConfigs(docker);
  const mayStartAgain = !docker.autoRemove && isValidContainerId(id);
  if (!mayStartAgain || !(config.envAddresses || keys.some(isRequestKey))) return found;
  const { rememberImages } = await import("../state/image-notes.ts");
  return rememberImages(store, { id, containerDir: docker.directory }, found);
}

/** undefined when there is none: that is an error only once it is needed. */
async function defaultNetwork(confDir: string): Promise<NetworkList | undefined> {
  try {
    return (await loadDefaultNetworkList(confDir)).list;
  } catch (error) {
    if (error instanceof CniError && error.kind === "no-network") return undefined;
    throw error;
  }
}
