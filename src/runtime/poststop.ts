import { join } from "node:path";
import type { Hook } from "../oci/spec.ts";
import type { SandboxRecord } from "../state/record.ts";

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
  if (record.keep) return "keep";
  return record.containerDir === undefined ? "wait" : "release";
}
