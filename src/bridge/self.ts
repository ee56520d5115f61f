import { statSync } from "node:fs";
import { type NetworkList, type PluginExec, realPluginExec } from "../cni/index.ts";
import { ifReadable } from "../lib/errors.ts";
import { isJsonObject } from "../lib/fields.ts";

/** The name under which the program is a plugin. */
export const BRIDGE_PLUGIN = "docker-cni-bridge";

/** Runs plugins as processes, but for the one that is this program itself: that is answered in this process. */
export function ownPluginExec(): PluginExec {
  const real = realPluginExec();
  return {
    ...real,
    isInProcess: isSelf,
    run: async (call) => {
      if (!isSelf(call.path)) return real.run(call);
      const [{ runInProcess }, { bridgePlugin }] = await Promise.all([
        import("../cni/plugin/in-process.ts"),
        import("./plugin.ts"),
      ]);
      return runInProcess(bridgePlugin, call);
    },
  };
}

/** Whether each plugin of the list, found in `dirs`, is answered in this process, and starts no plugin for its addresses. */
export function runsInProcess(
  { plugins }: Pick<NetworkList, "plugins">,
  dirs: readonly string[],
): boolean {
  const exec = ownPluginExec();
  return plugins.every(({ type, ipam }) => {
    const path = type === BRIDGE_PLUGIN ? exec.find(type, dirs) : undefined;
    return path !== undefined && isSelf(path) && isOwnIpam(ipam);
  });
}

function isOwnIpam(ipam: unknown): boolean {
  return ipam === undefined || (isJsonObject(ipam) && ipam["type"] === "host-local");
}

function isSelf(path: string): boolean {
  return path.endsWith(`/${BRIDGE_PLUGIN}`) && inode(path) === inode("/proc/self/exe");
}

function inode(path: string): string {
  const { dev, ino } = ifReadable(() => statSync(path)) ?? { dev: path, ino: "" };
  return `${dev}:${ino}`;
}
