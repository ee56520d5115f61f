import { readFileSync } from "node:fs";
import type { PluginCall } from "./exec.ts";
import { oneLine } from "./text.ts";

const shown = 100;
/** A plugin calls its IPAM, and that perhaps one more: a longer chain is not followed. */
const maxDepth = 8;

/**
 * Says of a plugin that hangs since when, in UTC, and which process of those that it has started it waits for: a plugin often
 * hangs in its IPAM, whose name is not in the call.
 */
export function whatHangs(
  pid: number | undefined,
  { env, timeoutMs }: Pick<PluginCall, "env" | "timeoutMs">,
  now = new Date(),
): string {
  const since = new Date(now.getTime() - timeoutMs).toISOString().slice(0, 19);
  const chain = pid === undefined ? [] : descendants(pid);
  const within = chain.length === 0 ? "" : `, in what it called: ${chain.join(" > ")}`;
  return `its ${env["CNI_COMMAND"] ?? "call"} hung since ${since}Z${within}`;
}

/** The names of a process's child, of its child, and so on: of several children the last. */
function descendants(pid: number): string[] {
  const names: string[] = [];
  let last = String(pid);
  while (names.length < maxDepth) {
    const child = read(`/proc/${last}/task/${last}/children`).trim().split(" ").at(-1) ?? "";
    if (!/^\d+$/.test(child)) break;
    names.push(oneLine(read(`/proc/${child}/comm`), shown));
    last = child;
  }
  return names;
}

/** The file's text; none where the process has just ended. */
function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
