/** A metric with all its samples (Prometheus text format 0.0.4). */
export interface Family {
  /** `docker_cni_…`; that of a counter ends in `_total`. */
  name: string;
  help: string;
  type: "gauge" | "counter" | "histogram";
  samples: Sample[];
}

export interface Sample {
  labels: Readonly<Record<string, string>>;
  value: number | bigint;
  /** `_bucket`, `_sum` and `_count` of a histogram. */
  suffix?: string;
}

/** The text format: families without samples are left out, since a metric that is not there is no zero. */
export function formatFamilies(families: readonly Family[]): string {
  return families
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, help, type, samples }) =>
      [
        `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`,
        `# TYPE ${name} ${type}`,
        ...samples.map(
          ({ labels, value, suffix = "" }) => `${name}${suffix}${formatLabels(labels)} ${value}`,
        ),
      ].join("\n"),
    )
    .map((text) => `${text}\n`)
    .join("");
}

function formatLabels(labels: Sample["labels"]): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** The format has three escapes; whatever else a terminal or a page could stumble over is replaced. */
function escapeLabel(value: string): string {
  return value
    .replaceAll(/[^\P{Cc}\n]|\p{Bidi_Control}|\p{Surrogate}/gu, "\uFFFD")
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"')
    .replaceAll("\n", "\\n");
}
