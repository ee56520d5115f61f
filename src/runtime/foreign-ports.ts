import type { DockerContainer } from "../engine/docker-container.ts";
import { choosePorts, isNamed } from "../ports/port-choice.ts";
import { portsOfBindings } from "../ports/ports.ts";
import { UserError } from "../lib/errors.ts";
import type { SandboxContext } from "../sandbox/context.ts";
import { portsOfOthers, releaseStopped } from "../sandbox/allot-ports.ts";

/**
 * Refuses a container on a network of Docker's own that publishes a port which a container of ours has: Docker does not know of
 * that one, and both would be given it. A stopped one gives its port back first. Throws PORT_TAKEN, naming the holder, and
 * nothing else: what cannot be made sense of here is Docker's to judge.
 */
export async function refuseTakenPorts(
  context: SandboxContext,
  id: string,
  docker: DockerContainer,
): Promise<void> {
  try {
    const requests = portsOfBindings({ ...docker, publishAllPorts: false }).filter(isNamed);
    await releaseStopped(context, id, requests);
    const { taken } = await portsOfOthers(context, id, requests);
    choosePorts({ requests, taken, anyPort: [1, 65_535], start: 0 });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    if (error.code === "PORT_TAKEN") throw error;
    context.log.warn({ container: id, step: "ports", err: error }, "its ports were not looked at");
  }
}
