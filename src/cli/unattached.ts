import { dirname } from "node:path";
import {
  type EngineContainer,
  findEngineContainer,
  runningContainersDirs,
} from "../engine/find-container.ts";
import { type NoNetwork, whyNoNetwork } from "../runtime/no-network.ts";
import { UserError } from "../lib/errors.ts";
import { type SandboxView, viewSandboxes } from "../sandbox/view.ts";
import type { OperatorCall } from "./cli.ts";
import { noSuchContainer, pickIfThere } from "./find.ts";

/** A container of Docker's without a CNI network, as `inspect --json` tells of it. */
export interface Unattached extends NoNetwork {
  id: string;
  name: string | null;
  state: "none";
  networks: [];
  directory: string;
}

/**
 * The container without a CNI network that `word` names, and why it has none. `views` tell where the engine's containers are, beside
 * the daemons that run. Throws NO_SUCH_CONTAINER when there is none.
 */
export async function findUnattached(
  { config, sandbox: { store } }: Pick<OperatorCall, "config" | "sandbox">,
  views: readonly SandboxView[],
  word: string,
): Promise<Unattached> {
  const known = views.flatMap(({ record: { containerDir } }) =>
    containerDir === undefined ? [] : [dirname(containerDir)],
  );
  const found = findEngineContainer([...new Set([...runningContainersDirs(), ...known])], word);
  if (found === undefined) throw noSuchContainer(word);
  return unattached(found, await whyNoNetwork({ config, store }, found));
}

/**
 * The sandbox of the container that `word` names, to be changed. Throws NO_SUCH_CONTAINER when there is no such container, and
 * BAD_REQUEST, with the reason, when it has no CNI network.
 */
export async function findAttached(call: OperatorCall, word: string): Promise<SandboxView> {
  const views = await viewSandboxes(call.sandbox);
  const view = pickIfThere(views, word);
  if (view !== undefined) return view;
  const { id, name, reason } = await findUnattached(call, views, word);
  throw new UserError(
    "BAD_REQUEST",
    `container ${name ?? id.slice(0, 12)} has no CNI network to be changed: ${reason}`,
    { hint: "the networks of Docker's own are changed by: docker network" },
  );
}

function unattached({ id, name, directory }: EngineContainer, why: NoNetwork): Unattached {
  return { id, name: name ?? null, state: "none", networks: [], ...why, directory };
}
