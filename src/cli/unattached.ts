import { dirname } from "node:path";
import {
  type EngineContainer,
  findEngineContainer,
  runningContainersDirs,
} from "../engine/find-container.ts";
import { type NoNetwork, whyNoNetwork } from "../runtime/no-network.ts";
import type { SandboxView } from "../sandbox/view.ts";
import type { OperatorCall } from "./cli.ts";
import { noSuchContainer } from "./find.ts";

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

function unattached({ id, name, directory }: EngineContainer, why: NoNetwork): Unattached {
  return { id, name: name ?? null, state: "none", networks: [], ...why, directory };
}
