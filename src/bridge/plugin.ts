import { CniError, errorCodes, type Result } from "../cni/index.ts";
import { type CmdArgs, parsePrevResult, type Plugin } from "../cni/plugin/index.ts";
import { deleteLink } from "../netlink/link.ts";
import { NetlinkError } from "../netlink/socket.ts";
import { givenAddresses, macOf, routesFor } from "./addresses.ts";
import { readBridgeConf } from "./conf.ts";
import { addRules, checkRules, removeRules } from "./firewall.ts";
import { failed, openHost } from "./host.ts";
import { ipam } from "./ipam.ts";
import { attachVeth, ensureBridge, findLink } from "./links.ts";

/** docker-cni's own bridge as a CNI plugin: docs/networks/bridge.md. */
export const bridgePlugin: Plugin = {
  about: "docker-cni-bridge, a CNI plugin of docker-cni",
  versions: ["0.3.1", "0.4.0", "1.0.0", "1.1.0"],
  add,
  del,
  check,
  gc: (args) => ipam.gc(args),
  status: (args) => ipam.status(args),
};

async function add(args: CmdArgs): Promise<Result> {
  const conf = readBridgeConf(args);
  const host = await openHost(args.netns);
  try {
    const found = await ipam.add(args);
    try {
      const given = givenAddresses(found);
      const routes = routesFor(found, given, conf.isDefaultGateway);
      const bridge = ensureBridge(host, conf, given);
      await addRules(conf, given);
      // A port on the host's loopback address leads out over the bridge.
      if (conf.ports.length > 0) host.set(`ipv4/conf/${bridge.name}/route_localnet`, "1");
      const mac = conf.mac ?? (given[0] && macOf(given[0].address));
      const wanted = { ifName: args.ifName, netnsPath: args.netns, mac, given, routes };
      const ends = await attachVeth(host, conf, bridge, wanted);
      return {
        cniVersion: "1.1.0",
        interfaces: [{ name: bridge.name, mac: bridge.mac }, ends.host, ends.container],
        ips: (found.ips ?? []).map((ip) => Object.assign(ip, { interface: 2 })),
        ...(routes.length > 0 && { routes }),
        ...(found.dns && { dns: found.dns }),
      };
    } catch (error) {
      await removeRules(conf, givenAddresses(found));
      await ipam.del(args);
      throw error instanceof NetlinkError ? refused(error, args.ifName, conf.bridge) : error;
    }
  } finally {
    host.close();
  }
}

async function del(args: CmdArgs): Promise<void> {
  await removeRules(readBridgeConf(args), givenAddresses(parsePrevResult(args.config) ?? {}));
  await ipam.del(args);
  if (args.netns === "") return;
  try {
    const host = await openHost(args.netns);
    try {
      host.there.ask(deleteLink(args.ifName));
    } finally {
      host.close();
    }
  } catch (error) {
    const isGone =
      (error instanceof NetlinkError && error.code === "ENODEV") ||
      (error instanceof CniError && error.code === errorCodes.unknownContainer);
    if (!isGone) throw error;
  }
}

async function check(args: CmdArgs): Promise<void> {
  await ipam.check(args);
  const conf = readBridgeConf(args);
  const { bridge } = conf;
  const before = parsePrevResult(args.config);
  await checkRules(conf, givenAddresses(before ?? {}));
  const mac = before?.interfaces?.find(({ sandbox }) => sandbox)?.mac;
  const host = await openHost(args.netns);
  try {
    if (findLink(host.here, bridge) === undefined) throw failed(`the bridge ${bridge} is gone`);
    const link = findLink(host.there, args.ifName);
    if (link === undefined) throw failed(`the interface ${args.ifName} is gone`);
    if (mac !== undefined && mac !== link.mac) {
      throw failed(`the interface ${args.ifName} has the MAC ${link.mac}, and had ${mac}`);
    }
  } finally {
    host.close();
  }
}

function refused(error: NetlinkError, ifName: string, bridge: string): CniError {
  const why: Record<string, string> = {
    EEXIST: `${ifName} is there already`,
    EXFULL: `${bridge} has as many ports as a bridge can have`,
    EPERM: "it needs root",
  };
  return failed(`cannot connect ${ifName} to ${bridge}: ${why[error.code] ?? error.code}`);
}
