import { Command } from "commander";
import { UserError } from "../lib/errors.ts";
import { viewSandboxes } from "../sandbox/view.ts";
import type { OperatorCall } from "./cli.ts";
import { pickIfThere } from "./find.ts";
import { readLog } from "./log-file.ts";
import { parseLogLine, timeOf } from "./log-line.ts";
import { describeLine } from "./log-text.ts";
import { parseMoment } from "./moment.ts";
import { endWithReader } from "./pipe.ts";

interface LogsOptions {
  follow?: boolean;
  since?: string;
  until?: string;
  tail?: string;
  json?: boolean;
}

/** `logs`: docker-cni's own log, for people. */
export function logsCommand(call: OperatorCall): Command {
  return new Command("logs")
    .argument("[container]", "only its lines: its name, its id or the beginning of it")
    .option("-f, --follow", "go on with what is written from now on")
    .option("--since <moment>", "from then on: 10m, 2026-01-31T12:00:00, seconds since 1970")
    .option("--until <moment>", "up to then")
    .option("-n, --tail <number>", "only the last lines, so many")
    .option("--json", "print the lines as they are in the file")
    .action((container: string | undefined, options: LogsOptions) =>
      showLog(call, container, options),
    );
}

async function showLog(
  call: OperatorCall,
  container: string | undefined,
  options: LogsOptions,
): Promise<void> {
  const { config, sandbox, print } = call;
  const since = options.since === undefined ? 0 : parseMoment("--since", options.since);
  const until =
    options.until === undefined ? Number.POSITIVE_INFINITY : parseMoment("--until", options.until);
  const tail = options.tail === undefined ? undefined : parseCount(options.tail);
  const views = await viewSandboxes(sandbox);
  const names = new Map(views.map(({ id, name }) => [id, name]));
  // Containers that are gone are in the log still: by their name, or the beginning of their id.
  const wanted = container && (pickIfThere(views, container)?.id ?? container);
  const show = (text: string): string[] => {
    if (options.json === true) return [text];
    const line = parseLogLine(text);
    return line === undefined ? [text] : describeLine(line, (id) => names.get(id));
  };
  endWithReader();
  const last: string[] = [];
  let isPast = false;
  const follow = options.follow === true && until > Date.now();
  const isOver = (): boolean => Date.now() > until;
  for await (const text of readLog(config.logFile, { follow, isOver })) {
    if (text === undefined) {
      if (!isPast && last.length > 0) print(...last.splice(0).flatMap(show));
      isPast = true;
      continue;
    }
    const time = timeOf(text);
    if (text === "" || (time !== undefined && (time < since || time > until))) continue;
    if (wanted !== undefined && !isOf(text, wanted)) continue;
    if (tail === undefined || isPast) print(...show(text));
    else {
      last.push(text);
      if (last.length > tail) last.shift();
    }
  }
  if (last.length > 0) print(...last.flatMap(show));
}

function isOf(text: string, container: string): boolean {
  if (!text.includes(container)) return false;
  const line = parseLogLine(text);
  const id = line?.["container"];
  return (typeof id === "string" && id.startsWith(container)) || line?.["name"] === container;
}

function parseCount(text: string): number | undefined {
  if (text === "all") return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UserError("BAD_ARGS", `--tail ${JSON.stringify(text)} is no number of lines`, {
    hint: "write a number, or all",
  });
}
