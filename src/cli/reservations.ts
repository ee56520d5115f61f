import { Command } from "commander";
import { UserError } from "../lib/errors.ts";
import { shortId } from "../lib/short-id.ts";
import type { OperatorCall } from "./cli.ts";
import { collectOption } from "./filter.ts";
import { formatRows } from "./format-rows.ts";
import { type Reservation, readReservations } from "./reservation-view.ts";
import { formatAge, NOTHING, table } from "./table.ts";

interface ListOptions {
  all?: boolean;
  quiet?: boolean;
  /** False with `--no-trunc`. */
  trunc: boolean;
  filter: string[];
  format?: string;
  json?: boolean;
}

/** `reservations`: the networks that wait for the next container of their name. */
export function reservationsCommand(call: OperatorCall): Command {
  const reservations = new Command("reservations");
  reservations
    .command("ls")
    .description("List networks that are reserved for a name")
    .option("-a, --all", "show the names of containers that exist, too")
    .option("-q, --quiet", "only show names")
    .option("--no-trunc", "show names and ids whole")
    .option(
      "-f, --filter <key=value>",
      "only show those of this name, network, address or state",
      collectOption,
      [],
    )
    .option("--format <template>", "print by a Go template, 'table TEMPLATE', or json")
    .option("--json", "print an array of objects")
    .action(async (options: ListOptions) => {
      const show = showing(options);
      const isWanted = filterOf(options.filter);
      const all = await readReservations(call);
      call.print(
        ...show(all.filter((each) => (options.all || each.state === "reserved") && isWanted(each))),
      );
    });
  return reservations;
}

/** `release`: gives up what is reserved for names, one after another; the first that cannot be is an error. */
export function releaseCommand({ sandbox, print }: OperatorCall): Command {
  return new Command("release")
    .argument("<name...>", "what 'reservations ls' calls them")
    .option("--json", "print an array of the names")
    .action(async (names: string[], { json }: { json?: boolean }) => {
      const { releaseReserved } = await import("../sandbox/release-reserved.ts");
      for (const name of names) {
        await releaseReserved(sandbox, name);
        if (!json) print(name);
      }
      if (json) print(JSON.stringify(names, null, 2));
    });
}

function showing({ quiet, json, format, trunc }: ListOptions): (rows: Reservation[]) => string[] {
  if (quiet) return (rows) => rows.map(({ name }) => name);
  if (json) return (rows) => [JSON.stringify(rows, null, 2)];
  if (format !== undefined) {
    return formatRows<Reservation>(format, { json: (row) => row, words: (row) => row });
  }
  return (rows) => table([HEADING, ...rows.map((row) => cells(row, trunc))]);
}

const HEADING = "NAME NETWORK ADDRESS PORTS CONTAINER STATE SINCE EXPIRES".split(" ");
const LONGEST = { name: 18, list: 18 };

function cells(row: Reservation, trunc: boolean): string[] {
  const cut = (text: string, longest: number): string =>
    trunc && text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
  const now = Date.now();
  const { reservedAt, expiresAt } = row;
  return [
    cut(row.name, LONGEST.name),
    cut(row.networks.join(",") || NOTHING, LONGEST.list),
    cut(row.addresses.join(",") || NOTHING, LONGEST.list),
    cut(row.ports.join(",") || NOTHING, LONGEST.list),
    trunc ? shortId(row.container) : row.container,
    row.state,
    reservedAt === null ? NOTHING : formatAge(now - Date.parse(reservedAt)),
    expiresAt === null ? NOTHING : formatAge(Date.parse(expiresAt) - now),
  ];
}

const KEYS = ["name", "network", "address", "state"] as const;

function filterOf(filters: readonly string[]): (row: Reservation) => boolean {
  const wanted = new Map<string, string[]>();
  for (const filter of filters) {
    const [, key = "", value = ""] = /^(\w+)=(.*)$/s.exec(filter) ?? [];
    if (!KEYS.some((known) => known === key)) {
      const message = `--filter ${JSON.stringify(filter)}: there is no such filter`;
      throw new UserError("BAD_ARGS", message, {
        hint: `write KEY=VALUE with one of ${KEYS.join(", ")}`,
      });
    }
    wanted.set(key, [...(wanted.get(key) ?? []), value]);
  }
  return (row) =>
    [...wanted].every(([key, values]) => values.some((value) => fits(row, key, value)));
}

function fits(row: Reservation, key: string, value: string): boolean {
  if (key === "name") return row.name.includes(value);
  if (key === "network") return row.networks.includes(value);
  if (key === "state") return row.state === value;
  return row.addresses.some((address) => address === value || address.startsWith(`${value}/`));
}
