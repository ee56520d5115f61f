import { isJsonObject } from "../lib/fields.ts";
import type { LogLine } from "./log-line.ts";
import { shortId } from "../lib/short-id.ts";
import { style, type Style } from "./terminal.ts";

/** pino's numbers; one in between counts as the one below. */
const LEVELS: readonly [from: number, name: string, style: Style][] = [
  [50, "ERROR", "red"],
  [40, "WARN", "yellow"],
  [30, "INFO", "green"],
  [0, "DEBUG", "dim"],
];

/** What has its own place in the text, or says nothing to a person. */
const PLACED = new Set(
  "level time pid msg container name network plugin step event ms err trace networks ports".split(
    " ",
  ),
);

/**
 * A line of the log for people: time, level, container, what was done, the message, then other fields as `key=value`; an error below.
 * `nameOf` gives a container's name by its id.
 */
export function describeLine(line: LogLine, nameOf: (id: string) => string | undefined): string[] {
  const [, level, colour] = LEVELS.find(([from]) => line.level >= from) ?? [0, "DEBUG", "dim"];
  const id = text(line["container"]);
  const name = text(line["name"]) || (id && (nameOf(id) ?? shortId(id)));
  const what = ["network", "plugin", "step"].map((key) => text(line[key]));
  const { event, ms } = line;
  const fields = Object.entries(line)
    .filter(([key]) => !PLACED.has(key))
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  const words = [
    style(localTime(line.time), "dim"),
    style(level.padEnd(5), colour),
    name && style(name, "bold"),
    what.filter((word) => word !== "").join(" "),
    line.msg.replaceAll("\n", " "),
    ...(event !== undefined ? addresses(line) : []),
    typeof ms === "number" ? `${Math.round(ms)} ms` : "",
    ...fields.map((field) => style(field, "dim")),
  ];
  return [words.filter((word) => word !== "").join("  "), ...describeFault(line["err"], line.msg)];
}

/** `lan eth0 10.1.0.2/24` for each network of an event. */
function addresses({ networks }: LogLine): string[] {
  if (!Array.isArray(networks)) return [];
  return networks.filter(isJsonObject).map((each) => {
    const given = Array.isArray(each["addresses"]) ? each["addresses"].join(" ") : "";
    return [text(each["network"]), text(each["interface"]), given].join(" ").trim();
  });
}

/** The error and its causes, where the message has not said it yet. */
function describeFault(err: unknown, msg: string): string[] {
  const lines: string[] = [];
  for (let fault = err; isJsonObject(fault) && lines.length < 5; fault = fault["cause"]) {
    const message = text(fault["message"]).replaceAll("\n", " ");
    if (message === "" || msg.includes(message)) continue;
    const code = text(fault["code"]);
    lines.push(`    ${[text(fault["type"]), code].filter(Boolean).join(" ")}: ${message}`);
  }
  return lines;
}

function localTime(ms: number): string {
  const at = new Date(ms);
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
  return `${date} ${time}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
