import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { errnoOf, ifThere } from "../lib/errors.ts";
import { isJsonObject } from "../lib/fields.ts";
import { withNftables } from "../networks/extras.ts";
import type { Firewall } from "../networks/options.ts";
import type { SetupHost } from "./host.ts";
import { type Made, sha256 } from "./note.ts";
import type { SetupPaths } from "./paths.ts";
import { atPath, writeNew } from "./text-file.ts";

/** What is made where nothing is. */
export type Creation =
  | { kind: "file"; path: string; bytes: Uint8Array }
  | { kind: "link"; path: string; target: string }
  | { kind: "units"; names: string[] };

export interface ExtrasOptions {
  paths: SetupPaths;
  /** The folder with `config` and `systemd`, as in the source tree. */
  resources: string;
  /** The configuration file, and the folder of networks that it names. */
  cniYaml: string;
  cniConfDir: string;
  launcher: string;
  /** What is in front of the runtime's words, and ends with `--`: the gc unit calls with the same. */
  runtimeArgs: readonly string[];
  /** The folder of the state, which that configuration names. */
  stateDir: string;
  /** Docker's data-root, when it is known. */
  dataRoot: string | undefined;
  /** What the plugins of the first network make rules with; without it iptables. */
  firewall?: Firewall;
}

const PLUGIN = "docker-cni";
const UNITS = ["docker-cni-gc.path", "docker-cni-gc.service"];

/** What belongs to an installation besides the registration, and is not there yet. */
export function missingExtras(options: ExtrasOptions): Creation[] {
  const { paths, launcher } = options;
  const creations: Creation[] = [...missingFiles(options)];
  if (!paths.cliPluginDirs.some((folder) => isThere(join(folder, PLUGIN)))) {
    const path = join(paths.cliPluginDirs.at(-1) ?? "", PLUGIN);
    creations.push({ kind: "link", path, target: launcher });
  }
  return [...creations, ...missingUnits(options)];
}

type NewFile = Extract<Creation, { kind: "file" }>;

/** The configuration, and a network, where there is none. */
export function missingFiles({
  resources,
  cniYaml,
  cniConfDir,
  firewall,
}: Pick<ExtrasOptions, "resources" | "cniYaml" | "cniConfDir" | "firewall">): NewFile[] {
  // An installation by hand may not have them.
  const copy = (from: string, path: string): NewFile[] => {
    const file = join(resources, from);
    return isThere(file) ? [{ kind: "file", path, bytes: readFileSync(file) }] : [];
  };
  const network = "10-docker-cni.conflist";
  return [
    ...(isThere(cniYaml) ? [] : copy("config/cni.yaml", cniYaml)),
    ...(hasNetworks(cniConfDir)
      ? []
      : copy(join("config/net.d", network), join(cniConfDir, network)).map((file) =>
          firewall === "nftables"
            ? Object.assign(file, { bytes: nftablesNetwork(file.bytes) })
            : file,
        )),
  ];
}

function missingUnits({
  paths,
  resources,
  launcher,
  runtimeArgs,
  stateDir,
  dataRoot,
}: ExtrasOptions): Creation[] {
  const [own = ""] = paths.unitDirs;
  if (!isThere(paths.systemd) || !isThere(join(resources, "systemd"))) return [];
  if (paths.unitDirs.some((folder) => isThere(join(folder, "docker-cni-gc.path")))) return [];
  const words = [launcher, ...runtimeArgs.filter((word) => word !== "--")].map(systemdWord);
  const containers = `${dataRoot ?? "/var/lib/docker"}/containers`;
  const files = UNITS.map((name): Creation => {
    const text = readFileSync(join(resources, "systemd", name), "utf8")
      .replaceAll(/^ExecStart=\S+/gm, () => `ExecStart=${words.join(" ")}`)
      .replaceAll(
        /^(ConditionPathIsDirectory=).*$/gm,
        () => `ConditionPathIsDirectory=${systemdPath(`${stateDir}/sandboxes`)}`,
      )
      .replaceAll(/^PathChanged=.*$/gm, () => `PathChanged=${systemdPath(containers)}`);
    return { kind: "file", path: join(own, name), bytes: Buffer.from(text) };
  });
  return [...files, { kind: "units", names: [...UNITS] }];
}

/** The shipped network with the plugins' nftables backends. */
function nftablesNetwork(bytes: Uint8Array): Uint8Array {
  const list: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
  if (!isJsonObject(list) || !Array.isArray(list["plugins"])) return bytes;
  const plugins = withNftables(list["plugins"].filter(isJsonObject));
  return Buffer.from(`${JSON.stringify({ ...list, plugins }, null, 2)}\n`);
}

/** A word of a unit's command line, where quotes, specifiers and variables have a meaning (systemd.service(5)). */
function systemdWord(word: string): string {
  if (/^[\w/.:@=+-]+$/.test(word)) return word;
  return `"${word.replaceAll(/["\\]/g, String.raw`\$&`).replaceAll(/[%$]/g, "$&$&")}"`;
}

/** A path of a unit's, where specifiers have a meaning (systemd.unit(5)). */
function systemdPath(path: string): string {
  return path.replaceAll("%", "%%");
}

/** Makes it, with the folders above it; `noted` is told of each thing once it is there. Gives what systemd did not do, as warnings. */
export async function make(
  creation: Creation,
  host: SetupHost,
  noted: (made: Made) => void,
): Promise<string[]> {
  if (creation.kind === "units") {
    noted({ kind: "units", names: creation.names });
    return [
      ...(await systemctl(host, ["daemon-reload"])),
      ...(await systemctl(host, ["enable", "--quiet", ...creation.names])),
      ...(await systemctl(host, ["start", "docker-cni-gc.path"])),
    ];
  }
  makeFolders(dirname(creation.path), noted);
  if (creation.kind === "link") {
    const { path, target } = creation;
    atPath(path, () => symlinkSync(target, path));
    noted({ kind: "link", path: creation.path, target: creation.target });
  } else {
    const { path, bytes } = creation;
    atPath(path, () => writeNew(path, bytes, 0o644));
    noted({ kind: "file", path: creation.path, sha256: sha256(creation.bytes) });
  }
  return [];
}

/** Gives a warning where it fails: nothing of an installation depends on it. */
async function systemctl(host: SetupHost, args: readonly string[]): Promise<string[]> {
  const ran = await host.run("systemctl", args);
  if (ran?.exitCode === 0) return [];
  const why = ran === undefined ? "there is no such command" : ran.stderr.trim();
  return [`systemctl ${args.join(" ")} failed: ${why || `exit status ${ran?.exitCode}`}`];
}

/** Makes a folder and those above it that are not there. */
export function makeFolders(folder: string, noted: (made: Made) => void): void {
  if (isThere(folder)) return;
  makeFolders(dirname(folder), noted);
  atPath(folder, () => mkdirSync(folder, { mode: 0o755 }));
  noted({ kind: "folder", path: folder });
}

/** What `takeBack` does with it, in words. */
export function describeRemoval(made: Made): string {
  return "path" in made ? `remove ${made.path}` : `disable ${made.names.join(", ")}`;
}

/** What was taken back, in words; and what was not. */
export interface TakenBack {
  done: string[];
  warnings: string[];
}

/** Takes back what was made, the last thing first. What was changed since stays, and folders that hold something. */
export async function takeBack(all: readonly Made[], host: SetupHost): Promise<TakenBack> {
  const taken: TakenBack = { done: [], warnings: [] };
  let hadUnits = false;
  for (const made of all.toReversed()) {
    if (made.kind === "units") {
      hadUnits = true;
      const failures = await systemctl(host, ["disable", "--quiet", "--now", ...made.names]);
      taken.warnings.push(...failures);
      if (failures.length === 0) taken.done.push(describeRemoval(made));
      continue;
    }
    const fate = atPath(made.path, () => removeIfSame(made));
    if (fate === "removed") taken.done.push(describeRemoval(made));
    if (fate === "stays" && made.kind !== "folder") {
      taken.warnings.push(`${made.path} stays: it was changed since`);
    }
  }
  if (hadUnits) taken.warnings.push(...(await systemctl(host, ["daemon-reload"])));
  return taken;
}

function removeIfSame(made: Exclude<Made, { kind: "units" }>): "removed" | "gone" | "stays" {
  try {
    if (made.kind === "folder") rmdirSync(made.path);
    else if (
      made.kind === "link"
        ? readlinkSync(made.path) !== made.target
        : sha256(readFileSync(made.path)) !== made.sha256
    )
      return "stays";
    else rmSync(made.path);
    return "removed";
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT") return "gone";
    if (code === "ENOTEMPTY" || code === "EEXIST" || code === "EINVAL") return "stays";
    throw error;
  }
}

/** Links that lead nowhere are there too. */
export function isThere(path: string): boolean {
  return ifThere(() => lstatSync(path), ["ENOENT", "ENOTDIR"]) !== undefined;
}

function hasNetworks(folder: string): boolean {
  return (
    existsSync(folder) && readdirSync(folder).some((name) => /\.(conf|conflist|json)$/.test(name))
  );
}
