import { Command } from "commander";
import type { PortMapping } from "../ports/ports.ts";
import type { OperatorCall } from "./cli.ts";
import { findAttached } from "./unattached.ts";

const PORTS = "such as 8080:80, 127.0.0.1:53:53/udp or 7000-7002:6000-6002";

/** `publish`: publishes more ports of a container. */
export function publishCommand(call: OperatorCall): Command {
  return new Command("publish")
    .argument("<container>", "its name, or its id or the beginning of it")
    .argument("<port...>", PORTS)
    .option("--json", "print an array of ports, as ls --json has them")
    .action(async (container: string, words: string[], { json }: { json?: boolean }) => {
      const { parsePorts } = await import("../ports/ports.ts");
      const requests = parsePorts({ flag: "publish", value: words.join(",") });
      const { id } = await findAttached(call, container);
      const { publish } = await import("../sandbox/publish.ts");
      const { ports } = await publish(call.sandbox, id, requests);
      printPorts(call, ports, json);
    });
}

/** `unpublish`: takes published ports away. */
export function unpublishCommand(call: OperatorCall): Command {
  return new Command("unpublish")
    .argument("<container>", "its name, or its id or the beginning of it")
    .argument("<port...>", "ports of the host, such as 8080, 8080:80 or 53/udp")
    .option("--json", "print an array of the ports, as ls --json had them")
    .action(async (container: string, words: string[], { json }: { json?: boolean }) => {
      const { parseSelections } = await import("../ports/port-selection.ts");
      const selections = parseSelections({ flag: "unpublish", value: words.join(",") });
      const { id } = await findAttached(call, container);
      const { unpublish } = await import("../sandbox/publish.ts");
      const { ports } = await unpublish(call.sandbox, id, selections);
      if (json) printPorts(call, ports, json);
    });
}

/** As `docker port` does. */
function printPorts({ print }: OperatorCall, ports: readonly PortMapping[], json?: boolean): void {
  if (json) print(JSON.stringify(ports, null, 2));
  else print(...ports.map(portLine));
}

function portLine({ containerPort, protocol, hostIP = "0.0.0.0", hostPort }: PortMapping): string {
  const address = hostIP.includes(":") ? `[${hostIP}]` : hostIP;
  return `${containerPort}/${protocol} -> ${address}:${hostPort}`;
}
