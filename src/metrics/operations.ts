import type { Family, Sample } from "./exposition.ts";

/** Upper limits of a plugin's time, in seconds. */
const LIMITS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

interface Operation {
  labels: Sample["labels"];
  /** How many took up to each limit. */
  buckets: number[];
  count: number;
  seconds: number;
  failures: number;
}

interface LogLine {
  level?: unknown;
  network?: unknown;
  plugin?: unknown;
  step?: unknown;
  ms?: unknown;
  msg?: unknown;
}

/**
 * What the lines of the log tell of plugins' calls: their time as a histogram, their failures, and how many errors there are. The
 * log is rotated: its counters begin again then, as those of a program that was started again.
 */
export function operationFamilies(lines: Iterable<string>): Family[] {
  const operations = new Map<string, Operation>();
  let errors = 0;
  for (const text of lines) {
    // Most lines are of other things: reading them as JSON would take the time.
    const isOperation = text.includes('"msg":"plugin ');
    if (!isOperation && !text.includes('"level":50')) continue;
    const line = parseLine(text);
    if (line?.level === 50) errors += 1;
    if (line !== undefined && isOperation) count(operations, line);
  }
  const all = [...operations.values()];
  return [
    {
      name: "docker_cni_plugin_duration_seconds",
      help: "Time that CNI plugins took, by the log.",
      type: "histogram",
      samples: all.flatMap(histogram),
    },
    {
      name: "docker_cni_plugin_failures_total",
      help: "Calls of CNI plugins that failed, by the log.",
      type: "counter",
      samples: all.map(({ labels, failures }) => ({ labels, value: failures })),
    },
    {
      name: "docker_cni_errors_total",
      help: "Lines of the log at the level error.",
      type: "counter",
      samples: [{ labels: {}, value: errors }],
    },
  ];
}

function count(
  operations: Map<string, Operation>,
  { step, network, plugin, ms, msg }: LogLine,
): void {
  if (typeof step !== "string" || typeof plugin !== "string" || typeof ms !== "number") return;
  const labels = { command: step, network: typeof network === "string" ? network : "", plugin };
  const key = JSON.stringify(labels);
  const operation = operations.get(key) ?? {
    labels,
    buckets: LIMITS.map(() => 0),
    count: 0,
    seconds: 0,
    failures: 0,
  };
  operations.set(key, operation);
  const seconds = ms / 1000;
  operation.count += 1;
  operation.seconds += seconds;
  if (msg === "plugin failed") operation.failures += 1;
  for (const [place, limit] of LIMITS.entries()) {
    if (seconds <= limit) operation.buckets[place] = (operation.buckets[place] ?? 0) + 1;
  }
}

function histogram({ labels, buckets, count: all, seconds }: Operation): Sample[] {
  const bucket = (le: string, value: number): Sample => ({
    labels: { ...labels, le },
    value,
    suffix: "_bucket",
  });
  return [
    ...buckets.map((value, place) => bucket(String(LIMITS[place]), value)),
    bucket("+Inf", all),
    { labels, value: Math.round(seconds * 1000) / 1000, suffix: "_sum" },
    { labels, value: all, suffix: "_count" },
  ];
}

function parseLine(text: string): LogLine | undefined {
  try {
    const line: LogLine | null = JSON.parse(text);
    return line ?? undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
