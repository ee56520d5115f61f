import { isCniArgValue } from "./values.ts";

/** What plugins may be told of the workload. */
export interface Workload {
  id: string;
  name: string | undefined;
  labels: Readonly<Record<string, string>>;
}

/**
 * CNI_ARGS pairs for plugins that want to know the workload, as the configuration asks: `id` gives `DOCKER_CONTAINER_ID`,
 * `name` `DOCKER_CONTAINER_NAME`, and `label:KEY` `DOCKER_LABEL_KEY`, in upper case with `_` for what is no letter or
 * digit. A value that cannot stand in CNI_ARGS is left out and named in `warnings`.
 */
export function workloadArgs(
  workload: Workload,
  wanted: readonly string[],
): { args: [string, string][]; warnings: string[] } {
  const args: [string, string][] = [];
  const warnings: string[] = [];
  for (const item of wanted) {
    const [key, value] = argOf(workload, item);
    if (value === undefined) continue;
    if (isCniArgValue(value)) args.push([key, value]);
    else warnings.push(`${key} left out: its value cannot stand in CNI_ARGS`);
  }
  return { args, warnings };
}

function argOf(workload: Workload, item: string): [key: string, value: string | undefined] {
  if (item === "id") return ["DOCKER_CONTAINER_ID", workload.id];
  if (item === "name") return ["DOCKER_CONTAINER_NAME", workload.name];
  const label = item.replace(/^label:/, "");
  const key = `DOCKER_LABEL_${label.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}`;
  return [key, Object.hasOwn(workload.labels, label) ? workload.labels[label] : undefined];
}
