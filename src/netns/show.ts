import { execa } from "execa";

/** An interface as it is in its namespace at this moment. */
export interface SeenInterface {
  name: string;
  up: boolean;
  mtu: number | null;
  mac: string | null;
  /** `address/length` each. */
  addresses: string[];
}

/** A route of the namespace; those that the kernel makes for its own addresses (table local) are left out. */
export interface SeenRoute {
  /** `default`, or `address/length`. */
  dst: string;
  gateway: string | null;
  interface: string | null;
  /** `main`, or the table's number or name. */
  table: string;
}

/** What a namespace holds. */
export interface Seen {
  interfaces: SeenInterface[];
  routes: SeenRoute[];
}

interface LinkJson {
  ifname?: string;
  flags?: string[];
  mtu?: number;
  address?: string;
  addr_info?: { local?: string; prefixlen?: number }[];
}

interface RouteJson {
  type?: string;
  dst?: string;
  gateway?: string;
  dev?: string;
  table?: string;
}

/** Reads what the namespace `name` holds by ip(8); rejects when that fails. */
export async function showNetns(name: string): Promise<Seen> {
  const [links, routes] = await Promise.all([
    ipJson<LinkJson>(["-n", name, "address", "show"]),
    ipJson<RouteJson>(["-n", name, "route", "show", "table", "all"]),
  ]);
  return {
    interfaces: links.map((link) => ({
      name: link.ifname ?? "",
      up: link.flags?.includes("UP") ?? false,
      mtu: link.mtu ?? null,
      mac: link.address ?? null,
      addresses: (link.addr_info ?? []).map(({ local, prefixlen }) => `${local}/${prefixlen}`),
    })),
    routes: routes
      .filter(({ type = "unicast", table }) => type === "unicast" && table !== "local")
      .map(({ dst = "", gateway, dev, table = "main" }) => ({
        dst,
        gateway: gateway ?? null,
        interface: dev ?? null,
        table,
      })),
  };
}

/** What ip(8) tells of `args` as JSON. */
export async function ipJson<T>(args: readonly string[]): Promise<T[]> {
  const { stdout } = await execa("ip", ["-json", ...args]);
  if (stdout.trim() === "") return [];
  const found: T[] = JSON.parse(escapeControls(stdout));
  return found;
}

/** ip(8) writes the control characters of a name as they are, which JSON does not allow; line ends it writes between values too. */
function escapeControls(json: string): string {
  return json.replaceAll(
    /[^\P{Cc}\n]/gu,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
