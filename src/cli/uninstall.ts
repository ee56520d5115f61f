import { resolve } from "node:path";
import { Command, Option } from "commander";
import { realHost } from "../setup/host.ts";
import { setupPaths } from "../setup/paths.ts";
import { uninstallPodman } from "../setup/podman.ts";
import { uninstall } from "../setup/uninstall.ts";
import type { OperatorCall } from "./cli.ts";
import { assertRoot, ENGINES } from "./install.ts";
import { printOutcome } from "./setup-outcome.ts";

interface UninstallOptions {
  name?: string;
  configFile?: string;
  engine: "docker" | "podman" | "containerd";
  dryRun?: boolean;
  reload: boolean;
  force?: boolean;
  json?: boolean;
}

/** `uninstall`: takes back what `install` did, byte by byte. */
export function uninstallCommand(call: OperatorCall): Command {
  return new Command("uninstall")
    .option("--name <name>", "only this runtime, in place of all that were installed")
    .option("--config-file <file>", "Docker's daemon.json (/etc/docker/daemon.json)")
    .addOption(
      new Option("--engine <engine>", "the engine").choices([...ENGINES]).default("docker"),
    )
    .option("--dry-run", "only show what would change, as a diff")
    .option("--no-reload", "leave it to you to have Docker read its file")
    .option("--force", "though containers of the runtime exist, which cannot be started then")
    .option("--json", "print an object: engine, name, file, changed, done, reloaded, warnings")
    .action(async (options: UninstallOptions) => {
      const { engine, name, dryRun = false, force = false } = options;
      assertRoot(call, dryRun);
      if (engine === "containerd") return explainContainerd(call, options);
      const paths = setupPaths();
      const setup = { paths, host: realHost(call.env) };
      const daemonJson = resolve(options.configFile ?? paths.daemonJson);
      const outcome =
        engine === "docker"
          ? await uninstall(setup, { name, daemonJson, dryRun, force, reload: options.reload })
          : await uninstallPodman(setup, { name, dryRun, force });
      const file = engine === "docker" ? daemonJson : paths.podmanDropInDir;
      if (outcome === undefined && options.json !== true) {
        const what = name === undefined ? "nothing" : `nothing as ${name}`;
        return call.print(`docker-cni install has registered ${what} there`);
      }
      const nothing = { file, changes: [], done: [], reloaded: false, warnings: [] };
      const shown = { engine, name, dryRun, json: options.json ?? false };
      printOutcome(call, outcome ?? nothing, shown);
    });
}

function explainContainerd(
  { print }: OperatorCall,
  { engine, name, dryRun = false, json = false }: UninstallOptions,
): void {
  const nothing = { changed: [], done: [], reloaded: false, warnings: [] };
  if (json) {
    const told = { engine, name: name ?? null, file: null, dryRun, ...nothing };
    print(JSON.stringify(told, null, 2));
    return;
  }
  print(
    "containerd has no registration, so that there is nothing to take back:",
    "its clients name the runtime by its path.",
  );
}
