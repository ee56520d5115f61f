import { errnoOf, UserError } from "../lib/errors.ts";
import { runCommand } from "../lib/process.ts";

/** Runs ip(8). Rejects with NETNS_FAILED and what it printed. */
export function ip(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
  return run(["ip", ...args], "iproute2", env);
}

export const HINT = "see what there is with: ip netns; grep netns /proc/self/mountinfo";

/** Runs a command of the Debian package `from`. Rejects with NETNS_FAILED and what it printed. */
export async function run(
  argv: readonly string[],
  from: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const [command = "", ...args] = argv;
  const options = { env: { ...process.env, ...env } };
  const { code, stderr } = await runCommand(command, args, options).catch((error: unknown) => {
    if (errnoOf(error) !== "ENOENT") throw error;
    throw new UserError("NETNS_FAILED", `the command ${command} is not on PATH`, {
      hint: `install the package ${from}`,
    });
  });
  if (code === 0) return;
  const reason = stderr.trim() || `exit status ${code}`;
  throw new UserError("NETNS_FAILED", `${argv.join(" ")} failed: ${reason}`, { hint: HINT });
}
