import { basename } from "node:path";
import { hasSetKeyHook, networkNamespace, type Spec } from "../oci/spec.ts";

/** A container of which it is to be told whose it is. */
export interface Candidate {
  id: string;
  /** Absolute. */
  bundleDir: string;
  spec: Spec;
  /** The poststop hook's: a bundle that has it was used before, and its namespace is one that we wrote there. */
  hookPath: string;
  /**
   * Docker's word for the container's network (`none`, `default`, `bridge`, `container:…`, a network's name), undefined
   * where Docker's files of the container were not found.
   */
  networkMode: string | undefined;
}

/** Why the container is left to the low-level runtime untouched; undefined when its network is ours to make. */
export function passthroughReason(candidate: Candidate): string | undefined {
  const { spec, hookPath, networkMode } = candidate;
  const namespace = networkNamespace(spec);
  if (namespace === undefined) return "it uses the host's network";
  const usedBefore = spec.hooks?.poststop?.some(({ path }) => path === hookPath) ?? false;
  if (namespace.path && !usedBefore) return "it joins another network namespace";
  if (isDockersPlugin(candidate)) return "it is a plugin of Docker's";
  if (isBuildahs(candidate)) return "it is a step of a build by buildah";
  if (networkMode === undefined && isDockers(candidate))
    return "Docker's files of it were not found";
  if (networkMode !== undefined && networkMode !== "none") {
    return `it is on the engine's network "${networkMode}"`;
  }
  return undefined;
}

/** Whether dockerd made the container: by its hook, or by its namespace in containerd. */
function isDockers(candidate: Candidate): boolean {
  return hasSetKeyHook(candidate.spec) || containerdNamespace(candidate) === "moby";
}

/** A managed plugin of dockerd's: a namespace of its own in containerd, a root of its own in the data root. */
function isDockersPlugin(candidate: Candidate): boolean {
  const root = candidate.spec.root?.path;
  return (
    containerdNamespace(candidate) === "plugins.moby" ||
    (typeof root === "string" && root.endsWith(`/plugins/${candidate.id}/rootfs`))
  );
}

/** buildah makes its bundle in a temporary folder `buildah<digits>`, and the container's id of that folder's name. */
function isBuildahs({ id, bundleDir }: Candidate): boolean {
  const folder = basename(bundleDir);
  return folder.startsWith("buildah") && id === `buildah-${folder}`;
}

/** The namespace of the container in containerd, by the bundle's path: `…/io.containerd.runtime.v2.task/<namespace>/<id>`. */
function containerdNamespace({ id, bundleDir }: Candidate): string | undefined {
  const [name, namespace, plugin] = bundleDir.split("/").toReversed();
  return name === id && plugin?.startsWith("io.containerd.runtime.") ? namespace : undefined;
}
