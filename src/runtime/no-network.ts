import { type DockerContainer, readDockerContainer } from "../engine/docker-container.ts";
import type { EngineContainer } from "../engine/find-container.ts";
import { UserError } from "../lib/errors.ts";
import { recordingLog } from "../lib/log.ts";
import { readNetworkRequest, type NetworkRequestOptions } from "./network-request.ts";

/** Why a container has no CNI network, and what of its request was not counted. */
export interface NoNetwork {
  reason: string;
  notes: string[];
}

/** The runtimes that Docker brings itself: docker-cni cannot be registered under these names. */
const DOCKERS_RUNTIMES = new Set([
  "runc",
  "io.containerd.runc.v2",
  "io.containerd.runtime.v1.linux",
]);

/** Tells why Docker's container has no CNI network, by Docker's files of it and what `create` would decide. */
export async function whyNoNetwork(
  own: Pick<NetworkRequestOptions, "config" | "store">,
  container: EngineContainer,
): Promise<NoNetwork> {
  const docker = readDockerContainer(container.directory);
  const byMode = whyByMode(docker);
  if (byMode !== undefined) return { reason: byMode, notes: docker.warnings };
  if (container.runtime !== undefined && DOCKERS_RUNTIMES.has(container.runtime)) {
    const reason = `its runtime is ${container.runtime}: docker run --runtime, or default-runtime in daemon.json, names docker-cni`;
    return { reason, notes: docker.warnings };
  }
  const { log, lines } = recordingLog();
  const reason = await whyByRequest(own, container, docker, log);
  return { reason: reason ?? whyNotYet(container), notes: lines.map(({ msg }) => msg) };
}

function whyByMode({
  networkMode: mode,
  warnings,
  directory,
}: DockerContainer): string | undefined {
  if (mode === undefined) {
    return `it is not known which network it is on: ${warnings.join("; ") || `${directory} does not tell`}`;
  }
  if (mode === "none") return undefined;
  if (mode === "host") return "it uses the host's network";
  const [joins, other = ""] = mode.split(":");
  if (joins === "container") return `it joins the network of the container ${other}`;
  return `it is on Docker's network "${mode === "default" ? "bridge" : mode}": docker run --net none gives it a CNI network`;
}

/** undefined where it asks for a network. */
async function whyByRequest(
  own: Pick<NetworkRequestOptions, "config" | "store">,
  { id }: EngineContainer,
  docker: DockerContainer,
  log: ReturnType<typeof recordingLog>["log"],
): Promise<string | undefined> {
  try {
    return (await readNetworkRequest({ ...own, log, id, spec: {}, docker })).whyNone;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return `its request cannot be met: ${error.message}`;
  }
}

function whyNotYet({ running, wasStarted, runtime }: EngineContainer): string {
  if (!wasStarted) return "it was never started: it gets one with its first start";
  const of = runtime === undefined ? "its runtime" : `its runtime "${runtime}"`;
  return running
    ? `${of} is not docker-cni, or was not when it was started`
    : `its network was released when it stopped, or its last start failed, or ${of} is not docker-cni`;
}
