import { basename } from "node:path";
import { defaultMoves } from "../networks/file-names.ts";
import { withExclusiveHostLock } from "../sandbox/host-lock.ts";
import type { OperatorCall } from "./cli.ts";
import { moveNetworks, pickNetwork, readNetworks } from "./network-folder.ts";

/** `network set-default`: gives the network's file a name in front of all others. Throws BAD_ARGS for one that there is not. */
export async function setDefaultNetwork(call: OperatorCall, name: string): Promise<void> {
  const { config, sandbox, print } = call;
  await withExclusiveHostLock(sandbox, async () => {
    const found = await readNetworks(config.cniConfDir);
    const { file = "" } = pickNetwork(found, name);
    moveNetworks(config.cniConfDir, defaultMoves(basename(file), found));
  });
  print(name);
}
