import { existsSync, rmSync, writeFileSync } from "node:fs";
import { must, run } from "../e2e/harness/shell.ts";

/** Installs the Debian packages of these that are missing, and says so before. It starts no service. */
export async function installMissing(
  packages: readonly string[],
  say: (line: string) => void,
): Promise<void> {
  const missing: string[] = [];
  for (const name of packages) {
    const { stdout } = await run(["dpkg-query", "-W", "-f", "${Status}", name]);
    if (!stdout.startsWith("install ok installed")) missing.push(name);
  }
  if (missing.length === 0) return;
  say(`installing Debian packages: ${missing.join(" ")}`);
  // dpkg asks this file before it starts a service; one of the machine's own says what it says.
  const policy = "/usr/sbin/policy-rc.d";
  const isOurs = !existsSync(policy);
  if (isOurs) writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    await must(["apt-get", "update", "-qq"], { timeout: 300_000 });
    const install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "--no-remove"];
    await must([...install, ...missing], { timeout: 600_000 });
  } finally {
    if (isOurs) rmSync(policy);
  }
}
