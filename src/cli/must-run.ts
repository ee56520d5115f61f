import type { Host } from "../doctor/host.ts";
import { UserError } from "../lib/errors.ts";

/** Runs a command that has to succeed. Throws CNI_FAILED with what was attempted (`what`) and what came back. */
export async function mustRun(
  host: Host,
  argv: readonly string[],
  { what, hint }: { what: string; hint: string },
): Promise<void> {
  const { code, stderr, stdout } = await host.run(argv);
  if (code === 0) return;
  const why = (stderr || stdout).trim() || `exit status ${code ?? "unknown"}`;
  throw new UserError("CNI_FAILED", `${what}: ${argv.join(" ")}: ${why}`, { hint });
}
