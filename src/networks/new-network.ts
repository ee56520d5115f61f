import { createHash } from "node:crypto";
import {
  CniError,
  isValidInterfaceName,
  isValidNetworkName,
  type NetworkList,
  parseNetworkList,
} from "../cni/index.ts";
import { freeSubnet } from "../ipam/free-subnet.ts";
import { subnetsOf } from "../ipam/pools.ts";
import { bridgeNameOf } from "../lib/bridge-name.ts";
import { UserError } from "../lib/errors.ts";
import type { JsonObject } from "../lib/fields.ts";
import { MARK } from "../lib/network-mark.ts";
import { textOf } from "../lib/texts.ts";
import { familyOf, hostLocalIpam } from "./addresses.ts";
import { dhcpIpam } from "./dhcp.ts";
import { type Driver, driverOf } from "./drivers.ts";
import { withExtras, withNftables } from "./extras.ts";
import { hostAccessOf } from "./host-access.ts";
import type { Mark } from "./mark.ts";
import { type NetworkOptions, type NetworkSurroundings, refused } from "./options.ts";
import {
  type AskedPlugin,
  bringsIpam,
  interfacePlugin,
  parsePluginOption,
  withAskedPlugins,
} from "./plugin-option.ts";

/** The version that the shipped network has: plugins speak it since 2021. */
const CNI_VERSION = "1.0.0";
/** As large as Docker's own, and as that of the shipped network. */
const LENGTHS = { 4: 20, 6: 64 } as const;
const DEFAULT_MTU = 1500;

/**
 * The network that is asked for; its `raw` is the text of the file. Throws BAD_ARGS for what cannot be, IN_USE for a name or an
 * interface that is taken.
 */
export function planNetwork(options: NetworkOptions, around: NetworkSurroundings): NetworkList {
  const { name, internal } = options;
  assertName(name, around);
  const asked = options.plugins.map(parsePluginOption);
  const type = options.driver ?? interfacePlugin(asked) ?? "bridge";
  if (!/^[A-Za-z0-9][\w.-]*$/.test(type)) {
    throw refused(
      `--driver ${JSON.stringify(type)}`,
      "no plugin is called so",
      "name one of cni_bin_dir",
    );
  }
  const driver = driverOf(type);
  if (internal && !driver.internal) {
    throw refused("--internal", `${type} always leads to the host`, "take the driver bridge");
  }
  const parent = parentOf(options, { type, driver, around });
  const mtu = mtuOf(options, { type, driver, around });
  const ipam = ipamOf(options, { type, driver, around, asked });
  const made = driver.plugins({ type, parent, internal, mtu, ipam });
  const suited = around.firewall === "nftables" ? withNftables(made) : made;
  const plugins = withAskedPlugins(withExtras(suited, options, { type, around }), asked);
  const hostAccess = options.hostAccess ? hostAccessOf(name, plugins, around) : undefined;
  const bridge = driver.parent === "bridge" ? newBridge(plugins, around) : undefined;
  const mark: Mark = {
    created: around.now,
    ...(options.labels.length > 0 && { labels: labelsOf(options.labels) }),
    ...(internal && { internal }),
    ...(bridge !== undefined && { bridge }),
    ...(options.names && { names: options.names }),
    ...(hostAccess && { hostAccess }),
  };
  const isUnaddressed = driver.parent === "bridge" && internal;
  const list = {
    cniVersion: CNI_VERSION,
    name,
    // The MAC of a bridge without an address changes with its ports, and the plugin bridge takes that for damage.
    ...(isUnaddressed && { disableCheck: true }),
    [MARK]: mark,
    plugins,
  };
  try {
    return parseNetworkList(`${JSON.stringify(list, null, 2)}\n`);
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    throw refused(`network ${name}`, error.msg, "look at the keys that --plugin sets");
  }
}

interface Context {
  type: string;
  driver: Driver;
  around: NetworkSurroundings;
}

function assertName(name: string, { networks }: NetworkSurroundings): void {
  if (!isValidNetworkName(name) || name.length > LONGEST_NAME) {
    const hint = `begin with a letter or a digit, and use letters, digits, ., _ and - only, ${LONGEST_NAME} at most`;
    throw refused(`the network name ${JSON.stringify(name)}`, "CNI does not allow it", hint);
  }
  // A label or --filter that says so means that there is to be no network.
  if (name === "none")
    throw refused("the network name none", "it means no network", "take another");
  const same = networks.find((each) => each.name === name);
  if (same === undefined) return;
  const where = same.file === undefined ? "" : ` (${same.file})`;
  throw new UserError("IN_USE", `the network ${name} exists already${where}`, {
    hint: `take another name, or remove it: docker-cni network rm ${name}`,
  });
}

/** With number and extension it is the name of a file, and of host-local's folder. */
const LONGEST_NAME = 200;

function parentOf(
  { name, parent }: NetworkOptions,
  { type, driver, around }: Context,
): string | undefined {
  const option = `--parent ${JSON.stringify(parent)}`;
  if (parent !== undefined && !isValidInterfaceName(parent)) {
    throw refused(option, "no interface is called so", "see them with: ip link");
  }
  if (driver.parent === "none" && parent !== undefined) {
    throw refused(option, `${type} has none`, "leave it out, or take the driver macvlan");
  }
  if (driver.parent === "bridge") {
    if (parent === undefined) return bridgeName(name, around);
    if (around.bridges.includes(parent) || !around.links.includes(parent)) return parent;
    throw refused(option, "it is no bridge", "name a bridge, or one that is to be made");
  }
  if (driver.parent === "none" || driver.parent === "optional") return parent;
  const found = parent ?? (driver.parent === "uplink" ? around.uplink?.ifname : undefined);
  if (found === undefined) {
    throw refused(
      `--driver ${type}`,
      "it needs an interface of the host",
      "name one with --parent",
    );
  }
  if (!around.links.includes(found)) {
    throw refused(`--parent ${found}`, "the host has no such interface", "see them with: ip link");
  }
  return found;
}

/** `cni-NAME`; for a name that is too long, or has what sysctl(8) reads otherwise, a part of its hash. */
function bridgeName(name: string, { links }: NetworkSurroundings): string {
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 11);
  const bridge = `cni-${/^[\w-]{1,11}$/.test(name) ? name : hash}`;
  if (!links.includes(bridge)) return bridge;
  throw new UserError("IN_USE", `the host has an interface ${bridge} already`, {
    hint: `to put the network on that bridge add --parent ${bridge}; else name another bridge so`,
  });
}

/** The bridge that the first container will make: one that is not there, and is in no other network's file. */
function newBridge(
  plugins: readonly JsonObject[],
  { links, networks }: NetworkSurroundings,
): string | undefined {
  const name = textOf(plugins.find(({ type }) => type === "bridge")?.["bridge"]);
  if (!isValidInterfaceName(name)) {
    throw refused(
      `the bridge ${JSON.stringify(name)}`,
      "no interface is called so",
      "use --parent",
    );
  }
  const isOthers = networks.some((list) =>
    list.plugins.some((plugin) => bridgeNameOf(plugin) === name),
  );
  return links.includes(name) || isOthers ? undefined : name;
}

function mtuOf({ mtu }: NetworkOptions, { type, driver, around }: Context): number | undefined {
  if (mtu === undefined) {
    const uplink = around.uplink?.mtu ?? DEFAULT_MTU;
    return driver.mtu === "uplink" && uplink !== DEFAULT_MTU && uplink > 0 ? uplink : undefined;
  }
  if (driver.mtu === "none") {
    throw refused("--mtu", `${type} leaves the interface as it is`, "set it with: ip link");
  }
  // The least that IPv4 has to be given (RFC 791); the kernel's largest.
  if (Number.isInteger(mtu) && mtu >= 68 && mtu <= 65_535) return mtu;
  throw refused(`--mtu ${mtu}`, "it is no size of a packet", "write 68 to 65535, such as 1450");
}

function ipamOf(
  options: NetworkOptions,
  { type, driver, around, asked }: Context & { asked: readonly AskedPlugin[] },
) {
  const { gateways, ipRanges, internal, ipv6 } = options;
  const isAsked = [options.subnets, gateways, ipRanges].some((list) => list.length > 0) || ipv6;
  if (bringsIpam(asked, type)) {
    if (!isAsked && !options.dhcp) return undefined;
    const what = `--plugin ${type},ipam.type=…`;
    throw refused(what, "that IPAM gives the addresses", "leave --subnet and the like out");
  }
  if (options.dhcp) return dhcpIpam(options, { type, driver, isAsked });
  const subnets = [...options.subnets];
  const chooses = driver.subnet === "chosen" || (driver.subnet === "needed" && internal);
  const choose = (family: 4 | 6): void => {
    const used = [...around.routes, ...around.networks.flatMap(subnetsOf), ...subnets];
    const free = freeSubnet({ family, length: LENGTHS[family] }, used);
    if (free === undefined) {
      throw refused("--subnet", "no subnet is free among those that are tried", "give one");
    }
    subnets.push(free);
  };
  if (subnets.length === 0 && chooses) choose(4);
  if (ipv6 && !subnets.some((subnet) => familyOf(subnet) === 6)) {
    if (!chooses) throw refused("--ipv6", `${type} needs its subnet`, "add one with --subnet");
    choose(6);
  }
  if (subnets.length === 0) {
    if (driver.subnet === "optional" && !isAsked) return undefined;
    const parents =
      "give that of the parent with --subnet, or addresses by --plugin TYPE,ipam.type=dhcp";
    throw refused(`--driver ${type}`, "it needs a subnet", driver.subnetHint ?? parents);
  }
  const count = subnets.filter((subnet) => familyOf(subnet) === 4).length;
  if (count > 1 && driver.parent === "bridge" && !internal) {
    const hint = "give one of IPv4, and any number of IPv6";
    throw refused("--subnet", "a bridge is the gateway of one subnet of IPv4", hint);
  }
  return hostLocalIpam({ subnets, gateways, ipRanges, internal });
}

function labelsOf(labels: readonly string[]): Record<string, string> {
  const pairs = labels.map((label): [string, string] => {
    const [, key, value = ""] = /^([^=\s]+)(?:=(.*))?$/s.exec(label) ?? [];
    if (key === undefined) {
      throw refused(`--label ${JSON.stringify(label)}`, "it has no key", "write KEY=VALUE");
    }
    return [key, value];
  });
  return Object.fromEntries(pairs);
}
