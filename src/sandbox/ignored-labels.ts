import { readDockerContainer } from "../engine/docker-container.ts";
import { readImageConfigs } from "../engine/image-config.ts";
import { operatorWord, type UnknownOrigin } from "../request/trusted-labels.ts";
import { notedImages } from "../state/image-notes.ts";
import type { SandboxRecord } from "../state/record.ts";
import type { SandboxStore } from "../state/store.ts";

/** The container's labels that do not count, with the reasons: those that its image brought along, as by `docker commit`. */
export function ignoredLabels(
  store: SandboxStore,
  { id, containerDir }: SandboxRecord,
  unknown: UnknownOrigin,
): string[] {
  if (containerDir === undefined) return [];
  const docker = readDockerContainer(containerDir);
  const images = readImageConfigs(docker) ?? notedImages(store, id);
  return operatorWord({ labels: docker.labels, env: [], images, unknown }).warnings;
}
