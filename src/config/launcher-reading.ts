import type { Fault } from "./faults.ts";

/** The keys that the launcher reads, before this program runs. */
export const launcherKeys = ["oci_bin", "state_dir"] as const;

/**
 * What the launcher reads for `key` in the text of a configuration (`setting` in bin/docker-cni): the plain or quoted word in the
 * first line that begins with the key; empty when there is none.
 */
export function readAsLauncher(text: string, key: string): string {
  const line = text.split("\n").find((each) => each.startsWith(`${key}:`));
  if (line === undefined) return "";
  const [beforeComment = ""] = line.slice(key.length + 1).split(" #");
  const word = beforeComment.replaceAll(/^ +| +$/g, "");
  return /^".*"$|^'.*'$/s.test(word) ? word.slice(1, -1) : word;
}

/** The keys that the launcher would read otherwise than `value`, the parsed text, says; the two would use different files. */
export function launcherFaults(
  text: string,
  value: Record<string, unknown>,
  lineOf: (key: string) => number,
): Fault[] {
  return launcherKeys.flatMap((key) => {
    const parsed = value[key] ?? "";
    const read = readAsLauncher(text, key);
    if (read === parsed) return [];
    const isKey = Object.hasOwn(value, key);
    const line = isKey ? lineOf(key) : text.slice(0, text.indexOf(`${key}:`)).split("\n").length;
    const wanted = typeof parsed === "string" && parsed !== "" ? `${key}: ${parsed}` : `no ${key}`;
    return [
      {
        line,
        text: `${key}: expected ${wanted} in a line of its own, from its beginning, without tabs and with line ends of LF, as the launcher reads it; it reads ${JSON.stringify(read)}`,
      },
    ];
  });
}
