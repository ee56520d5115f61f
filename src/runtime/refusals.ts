import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DockerContainer } from "../engine/docker-container.ts";
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

/** The error of a container that had a network of ours, where Docker's files do not tell whether it is to have it still. */
export function unknownNetwork({ directory, warnings }: DockerContainer): UserError {
  const why = warnings.join("; ") || `${directory} does not tell`;
  return new UserError(
    "STATE_FAILED",
    `it is not known which network the container is on: ${why}`,
    {
      hint: "restore the file, or remove the container and make it anew",
    },
  );
}

/** The error of a container whose id no plugin takes (CNI specification, CNI_CONTAINERID). */
export function invalidId(id: string): UserError {
  return new UserError("BAD_ARGS", `the container id "${id}" is not one that CNI allows`, {
    hint: "begin it with a letter or a digit, and use letters, digits, '.', '_' and '-' only",
  });
}

/** The error of a container that its engine removed while it was made. */
export function removedMeanwhile(id: string): UserError {
  return new UserError("NO_SUCH_CONTAINER", `container ${id} was removed while it was started`);
}
