import type { EngineContainer } from "../engine/find-container.ts";
import { clash } from "../ports/port-conflict.ts";
import type { PortMapping } from "../ports/ports.ts";
import type { SandboxView } from "../sandbox/view.ts";
import { publishedPorts } from "../state/record.ts";
import { ownRuntimes } from "./engine.ts";
import { broken, command, fine, type Finding, warning } from "./finding.ts";
import type { Subject } from "./subject.ts";

/**
 * Running containers of docker-cni's runtimes that have no CNI network though they seem to want one, and why. Who shares another
 * network does not; under a default runtime, nor does who is on one of Docker's.
 */
export async function withoutNetwork(subject: Subject): Promise<Finding[]> {
  const { config, engineContainers, engineInfo, networkMode } = subject;
  const names = new Set((await ownRuntimes(subject)).map(({ name }) => name));
  const byDefault = (await engineInfo())?.["DefaultRuntime"];
  const attached = new Set(subject.sandboxIds());
  const wantsNone = (container: EngineContainer): boolean => {
    const mode = networkMode(container) ?? "none";
    if (mode === "host" || mode.startsWith("container:")) return true;
    return mode === "none" ? config.attach === "labelled" : container.runtime === byDefault;
  };
  const without = engineContainers()
    .filter(({ id, running, runtime }) => running && names.has(runtime ?? "") && !attached.has(id))
    .filter((container) => !wantsNone(container));
  const findings = await Promise.all(
    without.map(async (container) => {
      const { reason } = await subject.whyNoNetwork(container);
      const word = container.name ?? container.id;
      const detail = `no CNI network: ${reason}`;
      return warning(`container ${word}`, detail, command("docker-cni", "inspect", word));
    }),
  );
  return findings.length > 0 ? findings : [fine("containers without a network", "none")];
}

interface Published extends PortMapping {
  view: SandboxView;
}

/** Ports of the host that two containers publish, or that a process of the host listens on too. */
export async function portsTwice({ host, sandboxes }: Subject): Promise<Finding[]> {
  const running = (await sandboxes()).filter(({ state }) => state === "running");
  const published = running.flatMap((view) =>
    uniquePorts(publishedPorts(view.record)).map((port): Published =>
      Object.assign({ view }, port),
    ),
  );
  const findings = published.flatMap((port, place) => {
    const earlier = published.slice(0, place).filter(({ view }) => view.id !== port.view.id);
    const other = earlier.find((each) => clash(each, port));
    return other === undefined ? [] : [byTwo(other, port)];
  });
  const listeners = published.length === 0 ? [] : host.listeners();
  for (const port of published) {
    const listener = listeners.find(
      ({ protocol, ...each }) =>
        protocol === port.protocol && clash({ ...each, protocol: port.protocol }, port),
    );
    if (listener === undefined) continue;
    const who = listener.holder() ?? "a process of the host";
    const detail = `${label(port.view)} publishes it, and ${who} listens on it too: which is reached depends on the address`;
    findings.push(warning(portTitle(port), detail, command("docker", "stop", label(port.view))));
  }
  return findings.length > 0
    ? findings
    : [fine("published ports", `${published.length}, none twice`)];
}

function byTwo(first: Published, second: Published): Finding {
  const detail = `${label(first.view)} and ${label(second.view)} both publish it`;
  return broken(portTitle(first), detail, command("docker", "stop", label(second.view)));
}

function portTitle({ hostPort, protocol }: PortMapping): string {
  return `port ${hostPort}/${protocol}`;
}

function label({ name, id }: SandboxView): string {
  return name ?? id;
}

/** A container on several networks publishes its ports on each. */
function uniquePorts(ports: readonly PortMapping[]): PortMapping[] {
  return [...new Map(ports.map((port) => [JSON.stringify(port), port])).values()];
}
