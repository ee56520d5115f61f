import { existsSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../lib/errors.ts";

export interface TakenNetns {
  /** The namespace's name. */
  netns: string;
  /** The container that is to have it. */
  id: string;
  /** The state folder of who made it, where that is known, and that of this program. */
  owner: string | undefined;
  stateDir: string;
}

/** The error of a new container whose namespace's name is taken: by itself, under another state folder, or by somebody else. */
export function netnsTaken({ netns, id, owner, stateDir }: TakenNetns): UserError {
  if (owner === undefined || owner === stateDir) {
    return new UserError(
      "NETNS_FAILED",
      `the network namespace ${netns} is there already, and is not docker-cni's`,
      { hint: `if nothing needs it, remove it: ip netns delete ${netns}` },
    );
  }
  const isItsOwn = existsSync(join(owner, "sandboxes", id));
  return new UserError(
    "NETNS_FAILED",
    `the network namespace ${netns} is there already: it is ${isItsOwn ? "this container's own" : "another container's"}, ` +
      `made while state_dir was ${owner}, and state_dir is ${stateDir} now`,
    {
      hint: `set state_dir back to ${owner} in cni.yaml, or stop all containers and move what is in it to ${stateDir}`,
    },
  );
}
