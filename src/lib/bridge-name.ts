/** The bridge that a plugin of a network's file makes or joins; the bridge plugin's own default is `cni0`. Undefined for others. */
export function bridgeNameOf({ type, bridge }: Record<string, unknown>): string | undefined {
  if (type !== "bridge") return undefined;
  return typeof bridge === "string" && bridge !== "" ? bridge : "cni0";
}
