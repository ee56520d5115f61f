import { readFileSync } from "node:fs";
import { errnoOf, UserError } from "../errors.ts";
import { runCommand } from "../process.ts";
import { HINT } from "./command.ts";
import { insideNetns } from "./native.ts";

/** TCP states (ss(8)) of connections whose process may be gone, and their numbers in /proc/net/tcp (proc(5)). */
const CLOSING = new Map([
  ["fin-wait-1", "04"],
  ["fin-wait-2", "05"],
  ["time-wait", "06"],
  ["last-ack", "09"],
  ["closing", "0B"],
]);

/**
 * Ends the TCP connections that a container left behind in the namespace at `path`, known as `name` to ip-netns(8): the kernel
 * keeps them for minutes after its processes ended, and the next server cannot bind their ports. Those of processes that share
 * the namespace and still use them stay. Starts ss(8) only where there are any. Rejects with NETNS_FAILED where they stay: the
 * kernel needs INET_DIAG_DESTROY.
 */
export async function endClosingConnections(name: string, path: string): Promise<void> {
  if (await hasNone(path)) return;
  const states = [...CLOSING.keys()].flatMap((state) => ["state", state]);
  const argv = ["netns", "exec", name, "ss", "--kill", "--tcp", "--numeric", ...states];
  const { code, stderr } = await runCommand("ip", argv);
  if (code === 0) return;
  throw new UserError("NETNS_FAILED", `ss --kill failed in ${name}: ${stderr.trim()}`, {
    hint: HINT,
  });
}

/** False where it is unknown: outside of the executable no namespace can be entered. */
async function hasNone(path: string): Promise<boolean> {
  const tables = await insideNetns(path, () => ["tcp", "tcp6"].map(readTable));
  return tables !== undefined && !tables.some(hasClosing);
}

/** The table of the namespace that the calling thread is in; without IPv6 there is no tcp6. */
function readTable(table: string): string {
  try {
    return readFileSync(`/proc/thread-self/net/${table}`, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return "";
    throw error;
  }
}

function hasClosing(table: string): boolean {
  const numbers = new Set(CLOSING.values());
  const lines = table.split("\n").slice(1);
  return lines.some((line) => numbers.has(line.trim().split(/\s+/)[3] ?? ""));
}
