import { join } from "node:path";
import { netnsPath } from "../netns/netns.ts";
import { type Hook, withHook, withNetns } from "../oci/spec.ts";
import type { SandboxRecord } from "../state/record.ts";
import type { CreateContext } from "./create.ts";
import type { Start } from "./start.ts";
import { callLimitMs } from "./time-limit.ts";

/** Where this program can be called again, and where its hooks are. */
export interface Install {
  launcher: string;
  hooksDir: string;
  /** As named by the operator; empty for the default file, which need not exist. */
  configFile: string;
}

export interface PoststopOptions {
  install: Install;
  record: SandboxRecord;
  /** The folder of the sandbox, see hooks/poststop. */
  sandboxDir: string;
  /** PATH for the hook, and the plugins that DEL runs. */
  path: string;
  /** How long one plugin may take, ms. */
  pluginTimeoutMs: number;
}

/** Where the hook is; a spec that has it is one that this program wrote. */
export function poststopPath({ hooksDir }: Install): string {
  return join(hooksDir, "poststop");
}

/** The hook that ends the container's network, or keeps it for the next start (hooks/poststop tells its arguments). */
export function poststopHook(options: PoststopOptions): Hook {
  const { install, record, sandboxDir, path, pluginTimeoutMs } = options;
  const mode = poststopMode(record);
  const { launcher, configFile } = install;
  return {
    path: poststopPath(install),
    args: ["poststop", mode, sandboxDir, record.containerDir ?? "", launcher, configFile],
    env: [`PATH=${path}`],
    timeout: mode === "wait" ? Math.ceil(pluginTimeoutMs / 1000) + 30 : 30,
  };
}

function poststopMode(record: SandboxRecord): "keep" | "release" | "wait" {
  if (record.keep || record.reserve !== undefined) return "keep";
  return record.containerDir === undefined ? "wait" : "release";
}

export interface CreateRuntimeOptions {
  install: Install;
  /** The container's id. */
  id: string;
  /** Whether the caller holds the sandbox's lock while the hook runs. */
  locked: boolean;
  /** PATH for the hook and the plugins. */
  path: string;
  pluginTimeoutMs: number;
}

/** The hook that attaches a namespace which the low-level runtime made (hooks/createruntime tells its arguments). */
export function createRuntimeHook(options: CreateRuntimeOptions): Hook {
  const { install, id, locked, path, pluginTimeoutMs } = options;
  const { launcher, configFile, hooksDir } = install;
  return {
    path: join(hooksDir, "createruntime"),
    args: ["createruntime", id, launcher, configFile, ...(locked ? ["--locked"] : [])],
    env: [`PATH=${path}`],
    timeout: 4 * Math.ceil(pluginTimeoutMs / 1000) + 30,
  };
}

/** The text of config.json for a container with the network that is planned, in a namespace of ours or of its runtime's. */
export function sandboxSpec(
  { install, env, config, store }: CreateContext,
  { call, bundle, plan: { kind, record } }: Start,
): string {
  const capabilityArgs = record.attachments.map((attachment) => attachment.capabilityArgs);
  const options = {
    install,
    path: env["PATH"] ?? "",
    pluginTimeoutMs: callLimitMs(config, capabilityArgs),
  };
  const sandboxDir = store.pathOf(record.id);
  const poststop = poststopHook({ ...options, record, sandboxDir });
  const edited = withHook(bundle.original, "poststop", poststop);
  if (kind !== "runtime-owned") return withNetns(edited, netnsPath(record.netns));
  const locked = call.command === "create";
  const hook = createRuntimeHook({ ...options, id: record.id, locked });
  return withHook(withNetns(edited), "createRuntime", hook);
}
