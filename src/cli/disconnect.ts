import { Command } from "commander";
import { describePort } from "../ports/ports.ts";
import type { OperatorCall } from "./cli.ts";
import { networkJson } from "./container-json.ts";
import { findAttached } from "./unattached.ts";

/** `disconnect`: takes a container off a network. */
export function disconnectCommand(call: OperatorCall): Command {
  return new Command("disconnect")
    .argument("<container>", "its name, or its id or the beginning of it")
    .argument("<network>", "the network's name, or the container's interface on it")
    .option("--json", "print the network as ls --json did")
    .action(async (container: string, network: string, { json }: { json?: boolean }) => {
      const { sandbox, print } = call;
      const { id } = await findAttached(call, container);
      const { disconnect } = await import("../sandbox/disconnect.ts");
      const { attachment, unpublished } = await disconnect(sandbox, id, network);
      if (json) print(JSON.stringify(networkJson(attachment), null, 2));
      else if (unpublished.length > 0) {
        print(`no longer published: ${unpublished.map(describePort).join(", ")}`);
      }
    });
}
