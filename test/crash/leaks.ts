import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { RUNTIME_NOTES } from "../../src/state/runtime-notes.ts";
import { readIptables } from "../e2e/harness/iptables.ts";
import { listProcesses } from "../e2e/harness/processes.ts";
import { must } from "../e2e/harness/shell.ts";
import type { Place } from "./place.ts";

/** Everything that a container may leave behind; the namespaces hold nothing of anybody else's. */
export async function findLeaks({ dir }: Place): Promise<string[]> {
  const rules = (await readIptables([])).filter(({ scaffold }) => !scaffold);
  const links: { ifname: string }[] = JSON.parse(await must(["ip", "-j", "link", "show"]));
  return [
    ...entries("/run/netns").map((name) => `netns ${name}`),
    ...links
      .filter(({ ifname }) => !["lo", "lfcrash", "lfsecond"].includes(ifname))
      .map(({ ifname }) => `link ${ifname}`),
    ...rules.map(({ family, table, text }) => `${family} ${table} ${text}`),
    ...["crash", "second"].flatMap((name) => leases(join(dir, "leases", name))),
    ...entries(join(dir, "state/sandboxes")).map((name) => `sandbox ${name}`),
    ...entries(join(dir, "net.d"))
      .filter((name) => name.includes("crashed") || name.startsWith("."))
      .map((name) => `network ${name}`),
    ...entries(join(dir, "state/hosts")).map((name) => `note ${name}`),
    ...entries(join(dir, "state/cni"))
      .filter((name) => name !== "results")
      .map((name) => `cache ${name}`),
    ...entries(join(dir, "state/cni/results")).map((name) => `result ${name}`),
    // What was being written of one is left to a later gc.
    ...entries(RUNTIME_NOTES)
      .filter((name) => !name.endsWith(".new"))
      .map((name) => `runtime note ${name}`),
    ...processes(dir),
  ];
}

/** Waits, half a minute at most, until none of the host's processes is left that could write to its folder. */
export async function processesEnd({ dir }: Place): Promise<void> {
  for (let tries = 0; tries < 300 && processes(dir).length > 0; tries++) await pause(100);
}

/** Processes of the program, its hooks and plugins that work for this host. */
function processes(dir: string): string[] {
  return listProcesses()
    .filter(
      ({ pid, command }) => command !== "" && environmentOf(pid).includes(`LF_CONTROL=${dir}/`),
    )
    .filter(({ command }) => !command.includes("test/crash/"))
    .map(({ pid, command }) => `process ${pid} ${command}`);
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch (error) {
    if (error instanceof Error && "code" in error) return "";
    throw error;
  }
}

function leases(dir: string): string[] {
  return entries(dir)
    .filter((name) => /^\d/.test(name) && !isBlank(join(dir, name)))
    .map((name) => `lease ${name}`);
}

/** Killed before it has written whose the address is, host-local leaves a file that no DEL, and nobody else, can know. */
function isBlank(lease: string): boolean {
  return statSync(lease).size === 0;
}

function entries(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
