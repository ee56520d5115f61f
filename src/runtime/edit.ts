import { askedOf } from "../request/asked.ts";
import type { DockerContainer } from "../engine/docker-container.ts";
import { readImageConfigs } from "../engine/image-config.ts";
import { isRequestKey } from "../request/trusted-labels.ts";
import type { SandboxRecord } from "../state/record.ts";
import type { CreateContext } from "./create.ts";

/** What Docker's own files ask otherwise than when the network was made: something of the network itself, or its ports alone. */
export type Edit = "labels" | "ports";

/**
 * What of Docker's own files was edited since the network of `record` was made, which counts at this start. Where it is no longer
 * known which labels are the image's, nothing counts, and the log says so.
 */
export function findEdit(
  { config, log }: Pick<CreateContext, "config" | "log">,
  record: SandboxRecord | "unreadable" | undefined,
  docker: DockerContainer | undefined,
): Edit | undefined {
  if (typeof record !== "object" || record.asked === undefined) return undefined;
  if (docker?.networkMode === undefined) return undefined;
  const { labels, ports } = askedOf(docker);
  if (labels === record.asked.labels && ports === record.asked.ports) return undefined;
  const isTold =
    config.imageLabels === "allow" ||
    !Object.keys(docker.labels).some(isRequestKey) ||
    readImageConfigs(docker) !== undefined;
  if (isTold) return labels === record.asked.labels ? "ports" : "labels";
  log.warn(
    { container: record.id, step: "request" },
    "its labels or ports were edited, which does not count: its image is gone, and may have brought labels of its own",
  );
  return undefined;
}
