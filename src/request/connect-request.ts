import {
  type AttachmentRequest,
  checkIfName,
  checkNetworkName,
  plainNetwork,
} from "./attachment-request.ts";
import { parseAliases, parseIps, parseMac } from "./values.ts";

/** What `connect` was asked for, as it was written. */
export interface ConnectWords {
  network: string;
  ip?: string;
  mac?: string;
  ifname?: string;
  alias?: readonly string[];
  defaultRoute?: boolean;
}

/** Reads what `connect` was asked for. Throws BAD_REQUEST, naming the option. */
export function connectRequest(words: ConnectWords): AttachmentRequest & { name: string } {
  const { network, ip, mac, ifname, alias, defaultRoute } = words;
  const name = checkNetworkName({ flag: "connect", value: network }, network);
  const request = plainNetwork(name);
  if (ip !== undefined) request.ips = parseIps({ flag: "--ip", value: ip });
  if (mac !== undefined) request.mac = parseMac({ flag: "--mac", value: mac });
  if (ifname !== undefined) {
    request.ifName = checkIfName({ flag: "--ifname", value: ifname }, ifname);
  }
  if (alias !== undefined) {
    request.aliases = parseAliases({ flag: "--alias", value: alias.join(",") });
  }
  if (defaultRoute === true) request.defaultRoute = [];
  return { ...request, name };
}
