import { Command, Option } from "commander";
import type { OperatorCall } from "./cli.ts";
import { collectOption } from "./filter.ts";
import type { CreateOptions } from "./network-create.ts";
import type { ListOptions } from "./network-ls.ts";
import type { PruneOptions, RemoveOptions } from "./network-rm.ts";

/** `network`: the networks themselves, as `docker network` has those of Docker. */
export function networkCommand(call: OperatorCall): Command {
  const network = new Command("network").usage("COMMAND").helpCommand(false);
  network.addCommand(createCommand(call));
  network
    .command("ls")
    .description("List networks")
    .option(
      "-f, --filter <key=value>",
      "by name, id, driver, label, scope or type",
      collectOption,
      [],
    )
    .option("-q, --quiet", "only show names")
    .option("--no-trunc", "show names and subnets whole")
    .option("--format <template>", "print by a Go template, 'table TEMPLATE', or json")
    .option("--json", "print an array of objects, one a network")
    .action(async (options: ListOptions) =>
      (await import("./network-ls.ts")).listNetworks(call, options),
    );
  network
    .command("inspect")
    .description("Show networks in detail, as JSON")
    .argument("<network...>", "their names")
    .option("--format <template>", "print by a Go template, or json")
    .option("--json", "print an array of objects, as without it")
    .action(async (names: string[], options: { format?: string }) =>
      (await import("./network-ls.ts")).inspectNetworks(call, names, options),
    );
  network
    .command("rm")
    .description("Remove networks that no container is on, and what they have made")
    .argument("<network...>", "their names")
    .option("-f, --force", "no error for a network that there is not")
    .action(async (names: string[], options: RemoveOptions) =>
      (await import("./network-rm.ts")).removeNetworks(call, names, options),
    );
  network
    .command("prune")
    .description("Remove all networks of 'network create' that no container is on")
    .option("-f, --force", "do not ask first")
    .option("--json", "print an array of the names that were removed")
    .action(async (options: PruneOptions) =>
      (await import("./network-rm.ts")).pruneNetworks(call, options),
    );
  network
    .command("set-default")
    .description("Make a network the one of containers that name none")
    .argument("<network>", "its name")
    .action(async (name: string) =>
      (await import("./network-default.ts")).setDefaultNetwork(call, name),
    );
  return network;
}

function createCommand(call: OperatorCall): Command {
  return new Command("create")
    .description("Create a network")
    .argument("<name>", "what cni.networks and 'network rm' call it")
    .option("-d, --driver <plugin>", "bridge (the default), macvlan, ptp, host-device, or another")
    .option(
      "--plugin <type,key=value>",
      "set keys of one of its plugins, or add that plugin behind",
      collectOption,
      [],
    )
    .option("--subnet <subnet>", "addresses; without it a free subnet", collectOption, [])
    .option("--gateway <address>", "the gateway of the subnet it is in", collectOption, [])
    .option("--ip-range <range>", "give out this part of a subnet alone", collectOption, [])
    .option("--ipv6", "with a subnet of IPv6 too")
    .option("--mtu <bytes>", "without it the uplink's", Number)
    .option("--parent <interface>", "macvlan's and host-device's interface, or the bridge's name")
    .option("--internal", "it leads nowhere beyond its containers")
    .option("--isolate", "containers of other networks do not reach it")
    .option("--dhcp", "addresses of a DHCP server on the parent's network")
    .option("--host-access", "macvlan: the host reaches its containers")
    .option("--vlan <id>", "bridge and vlan: the VLAN of its containers", Number)
    .option("--dns <address>", "a name server of its containers", collectOption, [])
    .option("--dns-search <domain>", "where they look for short names", collectOption, [])
    .addOption(
      new Option(
        "--names <how>",
        "how they find each other by name; else as cni.yaml says",
      ).choices(["hosts", "dns", "off"]),
    )
    .option("--bandwidth <limits>", "of each container, such as ingress=100M,egress=10M")
    .addOption(
      new Option("--firewall <kind>", "what plugins make rules with")
        .choices(["auto", "iptables", "nftables"])
        .default("auto"),
    )
    .option("--label <key=value>", "a word of yours for it", collectOption, [])
    .option("--default", "make it the network of containers that name none")
    .option("--test", "try it out, and remove it again where it does not work")
    .option("--dry-run", "only show the file that would be written")
    .option("--json", "print an object: name, file, network")
    .action(async (name: string, options: CreateOptions) =>
      (await import("./network-create.ts")).createNetwork(call, name, options),
    );
}
