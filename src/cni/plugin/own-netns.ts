import { statSync } from "node:fs";
import { CniError, errorCodes } from "../errors.ts";
import { errnoOf } from "../system-error.ts";
import type { CmdArgs } from "./cmd-args.ts";

const ownNetns = "/proc/self/ns/net";

/**
 * Throws a CniError of code 8 when the container's network namespace is the one that the plugin runs in, the host's: what it did there
 * would be done to the host. CNI_NETNS_OVERRIDE, `1` or `true`, allows it. A namespace that does not exist is no reason to throw.
 */
export function assertForeignNetns({ netns }: CmdArgs, env: NodeJS.ProcessEnv): void {
  const { CNI_NETNS_OVERRIDE: override = "" } = env;
  if (netns === "" || override === "1" || override.toLowerCase() === "true") return;
  const target = identityOf(netns);
  if (target === undefined || target !== identityOf(ownNetns)) return;
  const msg = `CNI_NETNS ${netns} is the network namespace that the plugin itself runs in`;
  throw new CniError({ kind: "invalid", code: errorCodes.invalidNetns, msg });
}

/** Device and inode, which is what names a namespace; undefined for a path that cannot be looked at. */
function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
