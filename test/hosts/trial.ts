import { type CHECKS as Checks, CHECKS, type Trial, web } from "./checks.ts";
import type { Fabric } from "./fabrics.ts";
import { serve } from "./containers.ts";
import type { Lab } from "./lab.ts";
import type { LabHost } from "./lab-host.ts";
import { followPage } from "./page.ts";
import { traces } from "./traces.ts";

export interface Outcome {
  check: string;
  /** What is shown in the table: `ok`, a word, or `failed`. */
  word: string;
  error?: unknown;
}

/** Sets up a fabric as its page says, and does all checks; a check that fails does not end the others. */
export async function tryFabric(
  fabric: Fabric,
  lab: Lab,
  only: readonly (keyof typeof Checks)[] = Object.keys(CHECKS),
): Promise<Outcome[]> {
  const [a, b, ...others] = lab.hosts;
  if (a === undefined || b === undefined) throw new Error("a fabric needs two hosts");
  await followPage(fabric, lab.hosts);
  const before = new Map<LabHost, readonly string[]>();
  for (const host of lab.hosts) before.set(host, await traces(host));
  const addresses = new Map<LabHost, string>();
  for (const host of lab.hosts) {
    const options = { name: web(host), network: fabric.network, more: ["--restart", "always"] };
    addresses.set(host, await serve(host, options));
  }
  const trial: Trial = { fabric, hosts: [a, b, ...others], before, addresses };
  const outcomes: Outcome[] = [];
  for (const [check, attempt] of Object.entries(CHECKS)) {
    if (!only.includes(check)) continue;
    try {
      outcomes.push({ check, word: (await attempt(trial)) ?? "ok" });
    } catch (error) {
      outcomes.push({ check, word: "failed", error });
    }
  }
  return outcomes;
}
