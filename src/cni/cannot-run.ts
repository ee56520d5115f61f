import { CniError } from "./errors.ts";
import type { PluginRequest } from "./invoke.ts";

/** The error of a plugin's file that the system did not start, for its error `code`. */
export function cannotRun(
  request: PluginRequest,
  path: string,
  code: string,
  cause: unknown,
): CniError {
  const { command, plugin, network } = request;
  const why: Record<string, string> = {
    EACCES: "permission denied (is it executable?)",
    ENOENT: "the file or its interpreter does not exist",
    ENOEXEC: "it is not a program for this machine",
    ETXTBSY: "it is being written",
    ENOSPC: "no space left for its input",
  };
  const msg = `cannot run ${path}: ${why[code] ?? code}`;
  return new CniError({ kind: "not-executable", msg, command, plugin, network, cause });
}
