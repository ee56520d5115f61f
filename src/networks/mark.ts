import { isValidInterfaceName, type NetworkList } from "../cni/index.ts";
import { isJsonObject } from "../lib/fields.ts";
import { MARK, namesBy, type NamesBy } from "../lib/network-mark.ts";
import { textOf, textsOf } from "../lib/texts.ts";
import { rangeOf } from "../lib/ip-range.ts";

/** What is remembered of a network in its file. */
export interface Mark {
  /** When it was made; ISO 8601. */
  created: string;
  labels?: Readonly<Record<string, string>>;
  /** It leads nowhere beyond its containers. */
  internal?: boolean;
  /** The bridge that was not there before, and goes with the network. */
  bridge?: string;
  /** How its containers find each other by name; without it, as the configuration says. */
  names?: NamesBy;
  /** By which interface the host reaches containers of macvlan. */
  hostAccess?: HostAccess;
}

/** An interface of the host's own beside those of a macvlan network, and where it leads. */
export interface HostAccess {
  ifname: string;
  parent: string;
  /** `address/length` each: what containers are given, and nothing else. */
  routes: string[];
}

/** The mark of a network that `network create` made; undefined for any other. */
export function markOf({ raw }: Pick<NetworkList, "raw">): Mark | undefined {
  const list: unknown = JSON.parse(raw);
  const mark = isJsonObject(list) ? list[MARK] : undefined;
  if (!isJsonObject(mark)) return undefined;
  const labels = isJsonObject(mark["labels"]) ? Object.entries(mark["labels"]) : [];
  const bridge = textOf(mark["bridge"]);
  const names = namesBy(raw);
  return {
    created: textOf(mark["created"]),
    ...(labels.length > 0 && {
      labels: Object.fromEntries(labels.map(([key, value]) => [key, textOf(value)])),
    }),
    ...(mark["internal"] === true && { internal: true }),
    ...(bridge !== "" && { bridge }),
    ...(names !== undefined && { names }),
    ...hostAccessIn(mark["hostAccess"]),
  };
}

/** Only what may stand in a command line: the file is one to edit. */
function hostAccessIn(value: unknown): { hostAccess?: HostAccess } {
  if (!isJsonObject(value)) return {};
  const [ifname, parent] = [textOf(value["ifname"]), textOf(value["parent"])];
  const routes = textsOf(value["routes"]);
  const isUsable =
    // ip(8) would take one with a hyphen in front for an option.
    [ifname, parent].every((name) => isValidInterfaceName(name) && !name.startsWith("-")) &&
    routes.every((route) => rangeOf(route) !== undefined);
  return isUsable ? { hostAccess: { ifname, parent, routes } } : {};
}
