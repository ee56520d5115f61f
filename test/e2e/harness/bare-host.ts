import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test as base } from "vitest";
import { cniConfig, type Json, type NetworkList, REPOSITORY, toYaml } from "./config.ts";
import { guard } from "./guardian.ts";
import { claimPlace, type Place } from "./place.ts";
import { listProcesses } from "./processes.ts";
import { must, run, waitFor, type CommandResult } from "./shell.ts";
import { takeDown } from "./takedown.ts";
import { inHostNetns, NETNS_DIR } from "./traces.ts";

export type BareHost = Awaited<ReturnType<typeof startBareHost>>;

/** A host with a network namespace, a configuration and a state of its own, and no engine: for commands that need none. */
async function startBareHost(config: Json = {}) {
  const place = claimPlace(true);
  const callOff = guard(place.dir);
  for (const folder of ["net.d", "plugins", "state"]) mkdirSync(join(place.dir, folder));
  const configFile = join(place.dir, "cni.yaml");
  writeFileSync(configFile, toYaml({ ...cniConfig(place), ...config }));
  await must(["ip", "netns", "add", String(place.hostNetns)]);
  await must([...inHostNetns(place), "ip", "link", "set", "lo", "up"]);
  const argv = (...args: string[]): string[] => [
    ...inHostNetns(place),
    join(REPOSITORY, "bin/docker-cni"),
    "--config",
    configFile,
    ...args,
  ];
  return {
    place,
    /** The command line of docker-cni on this host. */
    argv,
    cni: (...args: string[]): Promise<CommandResult> => run(argv(...args)),
    /** Runs a command in the host's network namespace, which has to succeed. */
    inside: (...args: string[]): Promise<string> => must([...inHostNetns(place), ...args]),
    writeNetwork: (file: string, network: NetworkList) =>
      writeFileSync(join(place.dir, "net.d", file), JSON.stringify(network)),
    /** Puts an executable first on CNI_PATH. */
    writePlugin: (name: string, script: string) =>
      writeFileSync(join(place.dir, "plugins", name), script, { mode: 0o755 }),
    stop: async () => {
      // Tests that failed may have left something.
      await run(argv("gc"));
      await takeDown(place.dir).finally(callOff);
    },
  };
}

/** A `test` whose tests share one bare host per file; each fails when it leaves something of `docker cni test`. */
export const bareTest = base.extend<{ host: BareHost; noTests: void }>({
  host: [
    // oxlint-disable-next-line no-empty-pattern -- vitest reads the fixtures' names from this pattern
    async ({}, use) => {
      const host = await startBareHost();
      await use(host);
      await host.stop();
    },
    { scope: "file" },
  ],
  noTests: [
    async ({ host }, use) => {
      await use();
      // An agent ends with who started it, in its own time.
      await waitFor(
        "nothing is left of tests",
        async () => ((await leftOfTests(host)).length === 0 ? true : undefined),
        5000,
      ).catch(async (error: unknown) => {
        throw new Error((await leftOfTests(host)).join("; "), { cause: error });
      });
    },
    { auto: true },
  ],
});

/** What is there of tests: namespaces, sandboxes, processes, leases, and interfaces that no bridge is. */
export async function leftOfTests({ place }: BareHost): Promise<string[]> {
  const json = await must([...inHostNetns(place), "ip", "-d", "-j", "link", "show"]);
  const links: { ifname: string; linkinfo?: { info_kind?: string } }[] = JSON.parse(json);
  return [
    ...testNamespaces(place).map((name) => `netns ${name}`),
    ...list(join(place.dir, "state/test/sandboxes")).map((id) => `sandbox ${id}`),
    ...list(join(place.dir, "state/test/cni/results")).map((file) => `result ${file}`),
    ...links
      .filter(({ linkinfo }) => linkinfo?.info_kind === "veth")
      .map(({ ifname }) => `link ${ifname}`),
    ...listProcesses()
      .filter(({ command }) => /test-agent docker-cni-test-/.test(command))
      .map(({ command }) => `process ${command}`),
  ];
}

/** The namespaces of tests on this host: their sandboxes have the same names. */
export function testNamespaces(place: Place): string[] {
  const own = new Set(list(join(place.dir, "state/test/sandboxes")));
  return list(NETNS_DIR).filter((name) => name.startsWith("docker-cni-test-") && own.has(name));
}

function list(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
