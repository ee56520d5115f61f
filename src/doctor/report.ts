import { describeRemedy } from "./finding.ts";
import { wrap } from "../lib/wrap.ts";
import type { Found } from "./examine.ts";

const WIDTH = 80;

/** ✓, ! and ✗, in colour or not. */
export type Symbols = Readonly<Record<Found["status"], string>>;

/** Everything that was found, as text of 80 columns; a remedy's line is not broken, so that it can be copied. */
export function describeFindings(found: readonly Found[], symbols: Symbols): string[] {
  const sections = new Map<string, Found[]>();
  for (const each of found)
    sections.set(each.section, [...(sections.get(each.section) ?? []), each]);
  return [
    ...[...sections].flatMap(([section, findings]) =>
      [section].concat(
        findings.flatMap((each) => describeOne(each, symbols)),
        "",
      ),
    ),
    summary(found),
  ];
}

function describeOne({ status, title, detail, remedy }: Found, symbols: Symbols): string[] {
  const [first = "", ...more] = wrap(`${title}: ${detail}`, WIDTH - 4);
  return [
    `  ${symbols[status]} ${first}`,
    ...more.map((line) => `    ${line}`),
    ...(remedy === undefined || status === "fine" ? [] : [`    → ${shownRemedy(remedy)}`]),
  ];
}

/** What `--fix` does anyway is not spelt out where it is long. */
function shownRemedy(remedy: NonNullable<Found["remedy"]>): string {
  const line = describeRemedy(remedy);
  return remedy.safe && line.length > WIDTH - 6 ? "docker-cni doctor --fix" : line;
}

function summary(found: readonly Found[]): string {
  const count = (status: Found["status"]): number =>
    found.filter((each) => each.status === status).length;
  return `${count("fine")} fine, ${count("warning")} to look at (!), ${count("broken")} broken (✗)`;
}
