import type { NetworkReport, PluginTime, Result } from "./run.ts";

/** The signs of the four outcomes, as the terminal shows them. */
export type Signs = Record<Result["status"], string>;

const WIDTH = 80;
const NAME = 18;
const TIME = 9;
/** The sign and a space go before. */
const DETAIL = WIDTH - 2 - NAME - TIME;

/** The lines of one check: its sign, name, what was seen and how long it took; what to do about it below. */
export function describeResult(result: Result, signs: Signs): string[] {
  const { name, status, detail, hint, ms } = result;
  const lines = wrapped(detail, DETAIL);
  const [first = "", ...rest] = lines;
  const head = `${signs[status]} ${name.padEnd(NAME)}${first.padEnd(DETAIL)}${`${ms} ms`.padStart(TIME)}`;
  const hints = hint === undefined ? [] : wrapped(`→ ${hint}`, WIDTH - 2 - NAME);
  return [head, ...[...rest, ...hints].map((line) => `${" ".repeat(2 + NAME)}${line}`)];
}

/** The checks that were skipped one after another for the same reason, in one paragraph. */
export function describeSkipped(results: readonly Result[], signs: Signs): string[] {
  const [first] = results;
  if (first === undefined) return [];
  const names = results.map(({ name }) => name).join(", ");
  const [head = "", ...rest] = wrapped(`${names}: ${first.detail}`, WIDTH - 2);
  return [`${signs.skip} ${head}`, ...rest.map((line) => `  ${line}`)];
}

/** What the plugins took. */
export function describeTimes(times: readonly PluginTime[]): string[] {
  const plugins = [...new Set(times.map(({ plugin }) => plugin))];
  const each = plugins.map((plugin) => {
    const own = times.filter((time) => time.plugin === plugin);
    return `${plugin} ${own.map(({ command, ms }) => `${command} ${ms}`).join(" ")}`;
  });
  return each.length === 0 ? [] : indented(wrapped(`plugins (ms): ${each.join(", ")}`, WIDTH - 2));
}

/** How many checks came out how, of all networks. */
export function describeSum(reports: readonly NetworkReport[]): string {
  const results = reports.flatMap((report) => report.results);
  const count = (status: Result["status"]): number =>
    results.filter((result) => result.status === status).length;
  const words = [
    `${count("ok") + count("note")} passed`,
    ...(count("note") > 0 ? [`${count("note")} of them with a note`] : []),
    `${count("fail")} failed`,
    `${count("skip")} skipped`,
  ];
  return words.join(", ");
}

/** Whether something does not work. */
export function hasFailed(reports: readonly NetworkReport[]): boolean {
  return reports.some(({ results }) => results.some(({ status }) => status === "fail"));
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

/** `text` in lines of at most `width` characters, broken at spaces where there are some. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).flatMap((each) => cut(each, width))) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function cut(word: string, width: number): string[] {
  const pieces: string[] = [];
  for (let from = 0; from < Math.max(word.length, 1); from += width) {
    pieces.push(word.slice(from, from + width));
  }
  return pieces;
}
