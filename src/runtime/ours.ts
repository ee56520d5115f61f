import { networkNamespace, type Spec } from "../oci/spec.ts";

/**
 * Why the container is left to the low-level runtime untouched; undefined when its network is ours to make.
 * `hookPath` is the poststop hook's: a bundle that has it was used before, and its namespace is one that we wrote there.
 * `networkMode` is Docker's word for the container's network (`none`, `default`, `bridge`, `container:…`, a network's
 * name), undefined with other engines.
 */
export function whyNotOurs(
  spec: Spec,
  hookPath: string,
  networkMode: string | undefined,
): string | undefined {
  const namespace = networkNamespace(spec);
  if (namespace === undefined) return "it uses the host's network";
  const usedBefore = spec.hooks?.poststop?.some(({ path }) => path === hookPath) ?? false;
  if (namespace.path && !usedBefore) return "it joins another network namespace";
  if (networkMode !== undefined && networkMode !== "none") {
    return `it is on the engine's network "${networkMode}"`;
  }
  return undefined;
}
