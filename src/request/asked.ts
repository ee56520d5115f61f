import type { DockerContainer } from "../engine/docker-container.ts";
import { fingerprint } from "../lib/fingerprint.ts";
import { isRequestKey } from "./trusted-labels.ts";

/** What Docker's own files ask of a container's network, so that a later edit of them is seen. Fingerprints. */
export interface Asked {
  /** `-p`, `-P`, `--expose` and `cni.ports`. */
  ports: number;
  /** All other labels and annotations of ours. */
  labels: number;
}

/** What is asked now. The image's labels are in it too: they are Docker's copy, which stays when the image goes. */
export function askedOf(docker: DockerContainer): Asked {
  const { portBindings, publishAllPorts, exposedPorts, labels, annotations } = docker;
  const ours = [labels, annotations].map((entries) =>
    Object.entries(entries)
      .filter(([key]) => isRequestKey(key))
      .toSorted(([one], [other]) => (one < other ? -1 : 1)),
  );
  const [ports, others] = [true, false].map((wanted) =>
    ours.map((entries) => entries.filter(([key]) => (key === "cni.ports") === wanted)),
  );
  const exposed = publishAllPorts ? exposedPorts.toSorted() : [];
  return {
    ports: fingerprint(JSON.stringify([portBindings, publishAllPorts, exposed, ports])),
    labels: fingerprint(JSON.stringify(others)),
  };
}
