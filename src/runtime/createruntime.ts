import { join } from "node:path";
import type { Hook } from "../oci/spec.ts";
import type { Install } from "./poststop.ts";

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
