import { accessSync, constants, existsSync } from "node:fs";
import { dirname, isAbsolute, resolve } from "node:path";
import { Command, Option } from "commander";
import { resolveConfig } from "../config/config.ts";
import { localHost } from "../doctor/local-host.ts";
import { UserError } from "../lib/errors.ts";
import type { RuntimeEntry } from "../setup/daemon-json.ts";
import { realHost } from "../setup/host.ts";
import { install } from "../setup/install.ts";
import { type SetupPaths, setupPaths } from "../setup/paths.ts";
import { installPodman } from "../setup/podman.ts";
import type { OperatorCall } from "./cli.ts";
import { chooseFirewall, type ChosenFirewall, type FirewallChoice } from "./firewall-choice.ts";
import { launcherPath } from "./launcher-path.ts";
import { printOutcome } from "./setup-outcome.ts";

export const ENGINES = ["docker", "podman", "containerd"] as const;
type Engine = (typeof ENGINES)[number];

interface InstallOptions {
  name: string;
  default?: boolean;
  runtimePath?: string;
  configFile?: string;
  engine: Engine;
  firewall: FirewallChoice;
  dryRun?: boolean;
  reload: boolean;
  json?: boolean;
}

/** `install`: registers docker-cni with an engine, and makes what it needs where nothing is. */
export function installCommand(call: OperatorCall): Command {
  return new Command("install")
    .option("--name <name>", "the runtime's name, as --runtime has it", "cni")
    .option("--default", "make it the runtime of containers that name none")
    .option("--runtime-path <file>", "the low-level runtime, in place of runc or crun on PATH")
    .option("--config-file <file>", "Docker's daemon.json (/etc/docker/daemon.json)")
    .addOption(
      new Option("--engine <engine>", "the engine").choices([...ENGINES]).default("docker"),
    )
    .addOption(
      new Option("--firewall <kind>", "what the first network's plugins make rules with")
        .choices(["auto", "iptables", "nftables"])
        .default("auto"),
    )
    .option("--dry-run", "only show what would change, as a diff")
    .option("--no-reload", "leave it to you to have Docker read its file")
    .option("--json", "print an object: engine, name, file, changed, done, reloaded, warnings")
    .action(async (options: InstallOptions) => {
      const { engine, name, dryRun = false } = options;
      assertName(name);
      assertRoot(call, dryRun);
      const paths = setupPaths();
      const runtime = runtimeEntry(call, options, paths);
      if (engine === "containerd") return explainContainerd(call, options, runtime);
      const chosen = await firewallOf(call, options);
      const request = {
        name,
        runtime,
        firewall: chosen.firewall,
        makeDefault: options.default ?? false,
        resources: dirname(resolve(call.options.hooks)),
        ...(await configured(call)),
        dryRun,
      };
      const setup = { paths, host: realHost(call.env) };
      const outcome =
        engine === "podman"
          ? await installPodman(setup, request)
          : await install(setup, {
              ...request,
              daemonJson: resolve(options.configFile ?? paths.daemonJson),
              reload: options.reload,
            });
      if (chosen.problem !== undefined) {
        outcome.warnings.push(`${chosen.problem.why}: ${chosen.problem.hint}`);
      }
      printOutcome(call, outcome, { engine, name, dryRun, json: options.json ?? false });
      if (options.json !== true && !dryRun) {
        call.print(
          "",
          `Try it: ${engine} run --rm --runtime ${name} --net none busybox ip address`,
        );
      }
    });
}

/** What is asked for by name has to be possible. */
async function firewallOf(
  { env, options, loadConfig }: OperatorCall,
  { firewall: asked }: InstallOptions,
): Promise<ChosenFirewall> {
  const { cniBinDirs } = existsSync(resolve(options.config))
    ? await loadConfig()
    : resolveConfig({});
  const chosen = await chooseFirewall(asked, { host: localHost(env), binDirs: cniBinDirs });
  if (asked !== "nftables" || chosen.problem === undefined) return chosen;
  throw new UserError(
    "BAD_ARGS",
    `--firewall ${asked}: ${chosen.problem.why}; nothing was changed`,
    {
      hint: chosen.problem.hint,
    },
  );
}

/** What may stand in a file's name, a TOML key and on a command line; the others are Docker's. */
function assertName(name: string): void {
  if (/^[a-zA-Z0-9][\w.-]{0,62}$/.test(name) && !/^(runc|crun|io\.containerd\..*)$/.test(name))
    return;
  throw new UserError("BAD_ARGS", `--name ${JSON.stringify(name)}: a runtime cannot be called so`, {
    hint: "use letters, digits, '-', '_' and '.', and not runc's own name",
  });
}

/** Throws NOT_ALLOWED for who may not write what is written. */
export function assertRoot({ options: { plugin } }: OperatorCall, dryRun: boolean): void {
  if (dryRun || process.getuid?.() === 0) return;
  throw new UserError("NOT_ALLOWED", "an engine's configuration is root's to change", {
    hint: `run it as root: sudo ${plugin ? "docker cni" : "docker-cni"} …`,
  });
}

function runtimeEntry(
  { options: { launcher, config, configGiven, stateDir } }: OperatorCall,
  { runtimePath }: InstallOptions,
  paths: SetupPaths,
): RuntimeEntry {
  if (runtimePath !== undefined) assertExecutable(runtimePath);
  const args = [
    ...(configGiven ? ["--config", resolve(config)] : []),
    ...(runtimePath === undefined ? [] : ["--runtime-path", runtimePath]),
    ...(stateDir === undefined ? [] : ["--state-dir", resolve(stateDir)]),
  ];
  const path = launcherPath(launcher, paths);
  return args.length === 0 ? { path } : { path, runtimeArgs: [...args, "--"] };
}

function assertExecutable(file: string): void {
  try {
    if (isAbsolute(file)) return accessSync(file, constants.X_OK);
  } catch {
    // Said below.
  }
  throw new UserError(
    "BAD_ARGS",
    `--runtime-path ${file}: it is no executable with its whole path`,
    {
      hint: "write it as /usr/bin/runc",
    },
  );
}

async function configured({ options, loadConfig }: OperatorCall) {
  const cniYaml = resolve(options.config);
  const { cniConfDir, stateDir } = existsSync(cniYaml)
    ? await loadConfig()
    : { ...resolveConfig({}), ...(options.stateDir && { stateDir: options.stateDir }) };
  return { cniYaml, cniConfDir, stateDir: resolve(stateDir) };
}

function explainContainerd(
  { print }: OperatorCall,
  { name, json }: InstallOptions,
  { path }: RuntimeEntry,
): void {
  const commands = {
    nerdctl: `nerdctl run --runtime ${path} --net none …`,
    ctr: `ctr run --runc-binary ${path} …`,
  };
  if (json) {
    print(JSON.stringify({ engine: "containerd", name, changed: [], commands }, null, 2));
    return;
  }
  print(
    "containerd needs no registration: its clients name the runtime by its path.",
    `  ${commands.nerdctl}`,
    `  ${commands.ctr}`,
    "Kubernetes runs CNI plugins by itself: there docker-cni has nothing to do.",
  );
}
