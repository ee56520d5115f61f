import { Command } from "commander";
import { execa } from "execa";
import manifest from "../../package.json" with { type: "json" };
import { type Cni, loadAllNetworkLists } from "../cni/index.ts";
import { engineApi } from "../dockerd/api.ts";
import { describeError, UserError } from "../lib/errors.ts";
import type { OperatorCall } from "./cli.ts";
import { formatter } from "./format.ts";

/** What `version --json` prints. What does not tell its version, or is not there, is null. */
interface Versions {
  version: string;
  runtime: string | null;
  runtimeVersion: string | null;
  engine: EngineVersion;
  /** The plugins of the networks, with the versions of CNI that they speak; `error`: why one does not tell. */
  plugins: { type: string; cniVersions: string[]; error?: string }[];
}

interface EngineVersion {
  host: string | null;
  version: string | null;
  apiVersion: string | null;
  error?: string;
}

interface VersionOptions {
  json?: boolean;
  format?: string;
}

/** `version`: of docker-cni, of the low-level runtime that makes its containers, of the engine, and of the networks' plugins. */
export function versionCommand(call: OperatorCall): Command {
  return new Command("version")
    .option("--format <template>", "print by a Go template, or json")
    .option("--json", "print an object: version, runtime, runtimeVersion, engine, plugins")
    .action(async ({ json, format }: VersionOptions) => {
      const show = format === undefined ? undefined : formatter(format);
      const versions = await readVersions(call);
      if (show !== undefined) call.print(show(versions));
      else if (json) call.print(JSON.stringify(versions, null, 2));
      else call.print(...lines(versions));
    });
}

async function readVersions(call: OperatorCall): Promise<Versions> {
  const { runtimePath } = call;
  const [told, engine, plugins] = await Promise.all([
    runtimeVersion(runtimePath),
    engineVersion(call.env),
    pluginVersions(call),
  ]);
  return {
    version: manifest.version,
    runtime: runtimePath || null,
    runtimeVersion: told ?? null,
    engine,
    plugins,
  };
}

function lines({ version, runtime, runtimeVersion: told, engine, plugins }: Versions): string[] {
  return [
    `docker-cni version ${version}`,
    runtime === null
      ? "no low-level runtime: neither runc nor crun is on PATH"
      : `low-level runtime ${runtime}: ${told ?? "it does not tell"}`,
    engine.error === undefined
      ? `engine ${engine.host}: version ${engine.version}, API ${engine.apiVersion}`
      : `no engine: ${engine.error}`,
    ...plugins.map(
      ({ type, cniVersions, error }) =>
        `plugin ${type}: ${error ?? `CNI ${cniVersions.at(0)} to ${cniVersions.at(-1)}`}`,
    ),
  ];
}

/** The first line that a runtime answers to `--version`. */
async function runtimeVersion(runtimePath: string): Promise<string | undefined> {
  if (runtimePath === "") return undefined;
  const { stdout } = await execa(runtimePath, ["--version"], {
    stdin: "ignore",
    lines: true,
    reject: false,
    timeout: 5000,
  });
  return stdout.find((line) => line !== "");
}

async function engineVersion(env: NodeJS.ProcessEnv): Promise<EngineVersion> {
  try {
    const engine = engineApi(env);
    const told: { Version?: string; ApiVersion?: string } = Object(await engine.get("/version"));
    return {
      host: engine.endpoint.host,
      version: told.Version ?? null,
      apiVersion: told.ApiVersion ?? null,
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { host: null, version: null, apiVersion: null, error: describeError(error) };
  }
}

/** By VERSION. Nothing where the configuration is broken: that is told by the commands that need it. */
async function pluginVersions({
  loadConfig,
  contextOver,
}: OperatorCall): Promise<Versions["plugins"]> {
  const config = await loadConfig().catch((error: unknown) => {
    if (!(error instanceof UserError)) throw error;
  });
  if (config === undefined) return [];
  const { lists } = await loadAllNetworkLists(config.cniConfDir);
  const types = lists.flatMap(({ plugins }) => plugins.flatMap(typesOf));
  const { cni } = contextOver(config);
  return Promise.all([...new Set(types)].toSorted().map((type) => versionsOf(cni, type)));
}

/** A plugin's type, and that of the IPAM plugin that it calls. */
function typesOf({ type, ipam }: { type: string; ipam?: unknown }): string[] {
  const { type: delegate }: { type?: unknown } = Object(ipam);
  return typeof delegate === "string" ? [type, delegate] : [type];
}

async function versionsOf(cni: Cni, type: string): Promise<Versions["plugins"][number]> {
  try {
    const { supportedVersions } = await cni.version(type);
    return { type, cniVersions: supportedVersions };
  } catch (error) {
    return { type, cniVersions: [], error: describeError(error) };
  }
}
