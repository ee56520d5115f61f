import type { OperatorCall } from "./cli.ts";
import { formatRows } from "./format-rows.ts";
import { formatter } from "./format.ts";
import { networkFilter } from "./network-filter.ts";
import { type FoundNetworks, pickNetwork, readNetworks } from "./network-folder.ts";
import { allViews, usersOf } from "./network-users.ts";
import { inspectNetwork, type Inhabited, type NetworkView, viewNetwork } from "./network-view.ts";
import { NOTHING, table } from "./table.ts";

export interface ListOptions {
  filter: string[];
  quiet?: boolean;
  /** False with `--no-trunc`. */
  trunc: boolean;
  format?: string;
  json?: boolean;
}

/** `network ls`: a line for each network. */
export async function listNetworks(call: OperatorCall, options: ListOptions): Promise<void> {
  const show = showing(options);
  const isWanted = networkFilter(options.filter);
  const { lists, ...found } = await readNetworks(call.config.cniConfDir);
  const all = await inhabited(call, { ...found, lists }, lists);
  call.print(...show(all.map(viewNetwork).filter(isWanted)));
}

/** `network inspect`: an array of objects. Throws BAD_ARGS for a network that there is not. */
export async function inspectNetworks(
  call: OperatorCall,
  names: readonly string[],
  { format }: { format?: string },
): Promise<void> {
  const show = format === undefined ? undefined : formatter(format);
  const found = await readNetworks(call.config.cniConfDir);
  const wanted = names.map((name) => pickNetwork(found, name));
  const inspected = (await inhabited(call, found, wanted)).map(inspectNetwork);
  call.print(...(show ? inspected.map(show) : [JSON.stringify(inspected, null, 2)]));
}

async function inhabited(
  call: OperatorCall,
  { defaultName }: FoundNetworks,
  lists: FoundNetworks["lists"],
): Promise<Inhabited[]> {
  const views = await allViews(call);
  return lists.map((list) => ({
    list,
    isDefault: list.name === defaultName,
    users: usersOf(views, list.name),
  }));
}

function showing({
  quiet,
  json,
  format,
  trunc,
}: ListOptions): (views: readonly NetworkView[]) => string[] {
  if (quiet) return (views) => views.map(({ name }) => name);
  if (json) return (views) => [JSON.stringify(views, null, 2)];
  if (format !== undefined) {
    return formatRows<NetworkView>(format, { json: (view) => view, words: (view) => view });
  }
  return (views) => table([HEADING, ...views.map((view) => rowOf(view, trunc))]);
}

const HEADING = "NAME DRIVER SCOPE SUBNET CONTAINERS".split(" ");
/** What is longer is cut off unless all is wanted; 80 columns together. */
const LONGEST = { name: 20, driver: 11, subnets: 24 };

/** The default network has a star behind its name, as the context in use has in `docker context ls`. */
function rowOf(view: NetworkView, trunc: boolean): string[] {
  const { name, driver, scope, subnets, containers } = view;
  const cut = (text: string, longest: number): string =>
    trunc && text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
  return [
    cut(name, LONGEST.name) + (view.default ? " *" : ""),
    cut(driver, LONGEST.driver),
    scope,
    cut(subnets.join(",") || NOTHING, LONGEST.subnets),
    String(containers.length),
  ];
}
