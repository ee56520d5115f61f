import { isJsonObject, type JsonObject } from "../lib/fields.ts";
import { UserError } from "../lib/errors.ts";
import { TEST_PREFIX } from "../prove/names.ts";
import type { LogLine } from "./log-line.ts";

/** What happens to a container's network. */
const KINDS = [
  "attach",
  "detach",
  "keep",
  "heal",
  "connect",
  "disconnect",
  "publish",
  "unpublish",
  "fail",
] as const;

export type EventKind = (typeof KINDS)[number];

/** An event as `events --json` prints it. */
export interface NetworkEvent {
  /** ISO 8601, UTC. */
  time: string;
  event: EventKind;
  /** The container's whole id. */
  container: string;
  name: string | null;
  networks: { network: string; interface: string; addresses: string[]; mac: string | null }[];
  ports: JsonObject[];
  /** Why, for `heal` and `fail`. */
  reason: string | null;
}

/** The event that a line of the log tells of; undefined where it tells of none. */
export function eventOf(line: LogLine): NetworkEvent | undefined {
  const { event, container, name, networks, ports, reason, err, at } = line;
  const kind = KINDS.find((each) => each === event);
  if (kind === undefined || typeof container !== "string" || container.startsWith(TEST_PREFIX)) {
    return undefined;
  }
  const told = typeof reason === "string" ? reason : isJsonObject(err) ? err["message"] : undefined;
  return {
    time: new Date(typeof at === "number" ? at : line.time).toISOString(),
    event: kind,
    container,
    name: typeof name === "string" ? name : null,
    networks: objects(networks).map((each) => ({
      network: text(each["network"]) ?? "",
      interface: text(each["interface"]) ?? "",
      addresses: Array.isArray(each["addresses"]) ? each["addresses"].map(String) : [],
      mac: text(each["mac"]) ?? null,
    })),
    ports: objects(ports),
    reason: text(told) ?? (kind === "fail" ? line.msg : null),
  };
}

const FILTERS = ["container", "event", "network"] as const;

/** Reads `--filter KEY=VALUE`, of which those of one key are alternatives: what tells whether an event is wanted. */
export function eventFilter(filters: readonly string[]): (event: NetworkEvent) => boolean {
  const wanted = new Map<string, string[]>();
  for (const filter of filters) {
    const [key = "", ...rest] = filter.split("=");
    const value = rest.join("=");
    if (!FILTERS.some((known) => known === key) || value === "") {
      throw badFilter(filter, `there are: ${FILTERS.map((known) => `${known}=…`).join(", ")}`);
    }
    if (key === "event" && !KINDS.some((kind) => kind === value)) {
      throw badFilter(filter, `there are: ${KINDS.join(", ")}`);
    }
    wanted.set(key, [...(wanted.get(key) ?? []), value]);
  }
  return (event) =>
    [...wanted].every(([key, values]) => values.some((value) => matches(event, key, value)));
}

function matches(event: NetworkEvent, key: string, value: string): boolean {
  if (key === "event") return event.event === value;
  if (key === "network") return event.networks.some(({ network }) => network === value);
  return event.name === value || event.container.startsWith(value);
}

function badFilter(filter: string, hint: string): UserError {
  return new UserError("BAD_ARGS", `--filter ${JSON.stringify(filter)} is not known`, { hint });
}

function objects(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
