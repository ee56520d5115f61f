import { readFileSync } from "node:fs";
import { loadDefaultNetworkList } from "../cni/index.ts";
import type { Config } from "../config/config.ts";
import { UserError } from "../lib/errors.ts";
import type { SandboxContext } from "../sandbox/context.ts";

/**
 * `go-hook add|del`: what the Go docker-cni wrote as a hook into the specs of its containers (`cni --config FILE --command
 * del`), for those that are still there when this program takes its place. The default network is added to the namespace of
 * the container's process, or deleted. `readState` gives the container's state (OCI runtime specification, "State"). A
 * container that has a network of ours is left alone. Throws for what is no such call, and for what ADD or DEL throws.
 */
export async function runGoHook(
  context: Pick<SandboxContext, "cni" | "store">,
  { cniConfDir, ifName }: Pick<Config, "cniConfDir" | "ifName">,
  command: string | undefined,
  readState: () => string = () => readFileSync(0, "utf8"),
): Promise<void> {
  if (command !== "add" && command !== "del") {
    throw new UserError("BAD_ARGS", `a hook of the Go docker-cni is add or del, not ${command}`);
  }
  const { id, pid } = parseState(readState());
  if (context.store.read(id) !== undefined) return;
  const { list } = await loadDefaultNetworkList(cniConfDir);
  const netns = pid > 0 ? `/proc/${pid}/ns/net` : "";
  const conf = { containerId: id, netns, ifName };
  if (command === "add") await context.cni.addNetworkList(list, conf);
  else await context.cni.delNetworkList(list, conf);
}

function parseState(text: string): { id: string; pid: number } {
  let state: { id?: unknown; pid?: unknown } | null;
  try {
    state = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    state = null;
  }
  if (typeof state?.id !== "string") {
    throw new UserError("BAD_ARGS", "a hook got no container's state on its stdin");
  }
  return { id: state.id, pid: Number(state.pid ?? 0) };
}
