import type { NetworkReport, Result } from "./run.ts";

/** The reports as JUnit XML, as the readers of CI systems take it: a suite a network, a case a check, times in seconds. */
export function junitXml(reports: readonly NetworkReport[]): string {
  const suites = reports.map(({ network, results }) =>
    [
      `  <testsuite ${attributes({ name: network, ...counts(results) })}>`,
      ...results.map((result) => testCase(network, result)),
      "  </testsuite>",
    ].join("\n"),
  );
  const all = counts(reports.flatMap(({ results }) => results));
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${attributes({ name: "docker-cni", ...all })}>`,
    ...suites,
    "</testsuites>",
    "",
  ].join("\n");
}

function counts(results: readonly Result[]): Record<string, string> {
  const of = (status: Result["status"]): string =>
    String(results.filter((result) => result.status === status).length);
  return {
    tests: String(results.length),
    failures: of("fail"),
    skipped: of("skip"),
    time: seconds(results.reduce((sum, { ms }) => sum + ms, 0)),
  };
}

function testCase(network: string, { name, status, detail, hint, ms }: Result): string {
  const head = `    <testcase ${attributes({ classname: network, name, time: seconds(ms) })}`;
  const message = attributes({ message: detail });
  if (status === "fail") {
    return `${head}><failure ${message}>${escaped(hint ?? detail)}</failure></testcase>`;
  }
  if (status === "skip") return `${head}><skipped ${message}/></testcase>`;
  return detail === ""
    ? `${head}/>`
    : `${head}><system-out>${escaped(detail)}</system-out></testcase>`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

function attributes(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(" ");
}

const ENTITIES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\n": "&#10;",
  "\t": "&#9;",
};

/** XML 1.0 has no other control characters, in whatever form. */
function escaped(text: string): string {
  return text
    .replaceAll(/[^\P{Cc}\n\t]|\p{Cs}|[\uFFFE\uFFFF]/gu, "\uFFFD")
    .replaceAll(/[&<>"\n\t]/g, (sign) => ENTITIES[sign] ?? sign);
}
