import { basename, dirname, join } from "node:path";
import { isJsonObject } from "../lib/fields.ts";
import { textOf, textsOf } from "../lib/texts.ts";
import { broken, byHand, command, fine, type Finding, type Remedy, warning } from "./finding.ts";
import type { Subject } from "./subject.ts";

/** Whether the engine answers. */
export async function engineReachable({ host, engineAddress }: Subject): Promise<Finding> {
  const title = "engine reachable";
  const answer = await host.engine("/version");
  if (answer.ok && isJsonObject(answer.body)) {
    return fine(title, `Docker ${textOf(answer.body["Version"])} at ${engineAddress}`);
  }
  const error = answer.ok ? "no version in its answer" : answer.error;
  const isRefused = error.includes("permission denied");
  return broken(
    title,
    error,
    isRefused ? command("sudo", "docker-cni", "doctor") : command("systemctl", "start", "docker"),
  );
}

/** A runtime as the engine's `/info` tells of it. */
export interface RegisteredRuntime {
  name: string;
  path: string;
  args: string[];
}

/** The engine's runtimes that are a docker-cni, this one or another. */
export async function ownRuntimes({ engineInfo }: Subject): Promise<RegisteredRuntime[]> {
  const { Runtimes: runtimes } = (await engineInfo()) ?? {};
  if (!isJsonObject(runtimes)) return [];
  return Object.entries(runtimes).flatMap(([name, runtime]) => {
    if (!isJsonObject(runtime)) return [];
    const options = isJsonObject(runtime["options"]) ? runtime["options"] : {};
    const path = textOf(runtime["path"]) || textOf(options["BinaryName"]);
    const args = textsOf(runtime["runtimeArgs"]);
    return basename(path) === "docker-cni" ? [{ name, path, args }] : [];
  });
}

/** Whether a runtime of the engine's is docker-cni. */
export async function runtimeRegistered(subject: Subject): Promise<Finding[]> {
  const title = "runtime registered";
  const info = await subject.engineInfo();
  if (info === undefined) return [];
  const runtimes = await ownRuntimes(subject);
  if (runtimes.length === 0) {
    return [broken(title, "no runtime of the engine's is docker-cni", install(subject))];
  }
  const names = runtimes.map(({ name }) => name);
  const isDefault = names.includes(textOf(info["DefaultRuntime"]));
  return [fine(title, `${names.join(", ")}${isDefault ? " (the default runtime)" : ""}`)];
}

/** Whether the registered runtimes are this very launcher, with this configuration. */
export async function runtimeIsThisOne(subject: Subject): Promise<Finding[]> {
  const { host, launcher, configFile } = subject;
  const own = host.realPath(launcher);
  return (await ownRuntimes(subject)).map(({ name, path, args }) => {
    const title = `runtime ${name}`;
    const theirs = host.realPath(path);
    if (theirs === undefined) return broken(title, `${path} is not there`, install(subject));
    if (theirs !== own) {
      return warning(title, `it runs ${path}, and you called ${launcher}`, install(subject));
    }
    const config = optionOf(args, "--config") ?? "/etc/docker/cni.yaml";
    if (config === configFile) return fine(title, `${path}, with ${config}`);
    return warning(
      title,
      `its configuration is ${config}, and what is examined here is ${configFile}`,
      command("docker-cni", "--config", config, "doctor"),
    );
  });
}

/** Whether `docker cni` is there. */
export function cliPlugin({ host, launcher, cliPluginDirs }: Subject): Finding {
  const title = "docker cni";
  const own = host.realPath(launcher);
  const files = cliPluginDirs.map((folder) => join(folder, "docker-cni"));
  const file = files.find((each) => host.stat(each)?.kind === "file");
  const [first = ""] = files;
  if (file === undefined) {
    // What is at that place all the same, such as a link that leads nowhere, is not overwritten.
    return warning(title, "Docker's command does not have it yet", {
      steps: [
        ["mkdir", "-p", dirname(first)],
        ["ln", "-sn", launcher, first],
      ],
      safe: true,
    });
  }
  if (host.realPath(file) === own) return fine(title, file);
  // Somebody has put it there.
  const remedy = command("ln", "-sfn", launcher, file);
  return warning(title, `${file} is another docker-cni than ${launcher}`, remedy);
}

/** Whether there is a low-level runtime, and which. */
export async function lowLevelRuntime({ host, runtimePath, configFile }: Subject) {
  const title = "low-level runtime";
  if (runtimePath === "") {
    return broken(title, "neither runc nor crun is on PATH", command("apt-get", "install", "runc"));
  }
  if (host.stat(runtimePath) === undefined) {
    return broken(title, `${runtimePath} is not there`, byHand(`sensible-editor ${configFile}`));
  }
  const { code, stdout } = await host.run([runtimePath, "--version"]);
  const version = stdout.split("\n")[0]?.trim();
  if (code === 0 && version) return fine(title, `${version} (${runtimePath})`);
  return broken(title, `${runtimePath} does not answer to --version`, {
    steps: [["apt-get", "install", "--reinstall", basename(runtimePath)]],
  });
}

/** For a daemon whose configuration is elsewhere than Docker's default, that has to be named. */
function install({ daemonConfigs }: Subject): Remedy {
  const [file, ...others] = daemonConfigs();
  const isElsewhere = file !== undefined && others.length === 0 && file !== DEFAULT_CONFIG;
  return command("docker-cni", "install", ...(isElsewhere ? ["--config-file", file] : []));
}

const DEFAULT_CONFIG = "/etc/docker/daemon.json";

function optionOf(args: readonly string[], name: string): string | undefined {
  const place = args.findIndex((word) => word === name || word.startsWith(`${name}=`));
  if (place === -1) return undefined;
  return args[place] === name ? args[place + 1] : args[place]?.slice(name.length + 1);
}
