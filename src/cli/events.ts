import { Command } from "commander";
import type { OperatorCall } from "./cli.ts";
import { eventFilter, eventOf, type NetworkEvent } from "./event.ts";
import { collectOption } from "./filter.ts";
import { formatter } from "./format.ts";
import { readLog } from "./log-file.ts";
import { parseLogLine, timeOf } from "./log-line.ts";
import { parseMoment } from "./moment.ts";
import { endWithReader } from "./pipe.ts";
import { shortId } from "../lib/short-id.ts";

interface EventsOptions {
  since?: string;
  until?: string;
  filter: string[];
  format?: string;
  json?: boolean;
}

/** `events`: what happens to containers' networks, as the log tells of it, until it is interrupted. */
export function eventsCommand(call: OperatorCall): Command {
  return new Command("events")
    .option("--since <moment>", "also those from then on: 10m, 2026-01-31T12:00:00, …")
    .option("--until <moment>", "up to then, and end")
    .option(
      "-f, --filter <key=value>",
      "only those of a container, network or event; may be repeated",
      collectOption,
      [],
    )
    .option("--format <template>", "print each by a template, such as {{.Event}} {{.Name}}")
    .option("--json", "print each as a JSON object, one a line")
    .action((options: EventsOptions) => follow(call, options));
}

async function follow({ config, print }: OperatorCall, options: EventsOptions): Promise<void> {
  const now = Date.now();
  const since = options.since === undefined ? now : parseMoment("--since", options.since, now);
  const until =
    options.until === undefined
      ? Number.POSITIVE_INFINITY
      : parseMoment("--until", options.until, now);
  const isWanted = eventFilter(options.filter);
  const template = options.json === true ? "json" : options.format;
  const show = template === undefined ? describe : formatter(template);
  if (config.logLevel === "warn" || config.logLevel === "error") {
    process.stderr.write(`docker-cni: there are no events at log_level: ${config.logLevel}\n`);
  }
  endWithReader();
  const reading = {
    fromEnd: options.since === undefined,
    follow: until > Date.now(),
    isOver: () => Date.now() > until,
  };
  for await (const text of readLog(config.logFile, reading)) {
    // Of most lines nobody makes an event.
    if (text?.includes('"event":') !== true || isBefore(text, since)) continue;
    const line = parseLogLine(text);
    const event = line && eventOf(line);
    if (event === undefined || !isWanted(event)) continue;
    const time = Date.parse(event.time);
    if (time >= since && time <= until) print(show(event));
  }
}

function isBefore(text: string, since: number): boolean {
  return (timeOf(text) ?? since) < since;
}

/** As Docker words its own events: time, what, which, then what there is to know. */
function describe({ time, event, container, name, networks, reason }: NetworkEvent): string {
  const given = networks.map(({ network, interface: ifName, addresses }) =>
    [network, ifName, ...addresses].join(" "),
  );
  const known = [...given, ...(reason === null ? [] : [`reason=${reason}`])];
  return `${time} ${event} ${name ?? shortId(container)} (${[shortId(container), ...known].join(", ")})`;
}
