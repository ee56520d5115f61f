import { Command } from "commander";
import type { AttachmentRecord } from "../state/record.ts";
import type { OperatorCall } from "./cli.ts";
import { networkJson } from "./container-json.ts";
import { findAttached } from "./unattached.ts";

interface ConnectFlags {
  ip?: string;
  mac?: string;
  ifname?: string;
  alias?: string[];
  defaultRoute?: boolean;
  json?: boolean;
}

/** `connect`: attaches a container to one more network. */
export function connectCommand(call: OperatorCall): Command {
  return new Command("connect")
    .argument("<container>", "its name, or its id or the beginning of it")
    .argument("<network>", "the network's name")
    .option("--ip <address>", "address there; several with a comma between them")
    .option("--mac <address>", "MAC address there")
    .option("--ifname <name>", "name of the interface; else the next eth")
    .option("--alias <name>", "further name of the container there; repeatable", collect)
    .option("--default-route", "have the default route on this network from now on")
    .option("--json", "print the network as ls --json does")
    .action(async (container: string, network: string, flags: ConnectFlags) => {
      const { sandbox, config, print } = call;
      const { connectRequest } = await import("../request/connect-request.ts");
      const request = connectRequest({ network, ...flags });
      const { id } = await findAttached(call, container);
      const { connect } = await import("../sandbox/connect.ts");
      const { cniConfDir: confDir, workloadArgs } = config;
      const connected = await connect(sandbox, id, { request, confDir, workloadArgs });
      if (flags.json) print(JSON.stringify(networkJson(connected.attachment), null, 2));
      else print(line(connected.attachment, connected.isDone));
    });
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

function line({ ifName, addresses, mac }: AttachmentRecord, isDone: boolean): string {
  if (!isDone) return `${ifName}  at the container's next start`;
  return [ifName, ...addresses, ...(mac === undefined ? [] : [mac])].join("  ");
}
