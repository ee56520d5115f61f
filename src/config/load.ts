import fs from "node:fs";
import { errnoOf, UserError } from "../lib/errors.ts";
import { resolveConfig, type Config } from "./config.ts";
import { configError, faultsOf } from "./faults.ts";
import { launcherFaults } from "./launcher-reading.ts";
import { configSchema } from "./schema.ts";
import { parseYaml } from "./yaml.ts";

export interface LoadOptions {
  /** Whether a missing file means the defaults; otherwise it is an error. */
  optional?: boolean;
}

/**
 * The configuration in `file`, with the defaults for what it does not say. A file that cannot be read or is wrong is a
 * UserError BAD_CONFIG, whose message has a line for each error: file, line, key, what was expected.
 */
export function loadConfig(file: string, options: LoadOptions = {}): Config {
  const text = readConfig(file, options.optional ?? false);
  return text === undefined ? resolveConfig({}) : parseConfig(file, text);
}

/** As loadConfig, for the text of a file; `file` is only named in errors. */
export function parseConfig(file: string, text: string): Config {
  const document = parseYaml(text);
  if (!document.ok) {
    throw configError(file, [{ line: document.line, text: document.problem }]);
  }
  const checked = configSchema.safeParse(document.value);
  const faults = checked.success
    ? launcherFaults(text, document.value, document.lineOf)
    : faultsOf(checked.error.issues, document.value, document.lineOf);
  if (checked.success && faults.length === 0) return resolveConfig(checked.data);
  throw configError(file, faults);
}

function readConfig(file: string, optional: boolean): string | undefined {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    if (code === "ENOENT" && optional) return undefined;
    throw new UserError(
      "BAD_CONFIG",
      `cannot read the configuration file ${file}: ${reasonOf(code)}`,
      {
        hint: "create it, or correct --config in the runtimeArgs of daemon.json",
        cause: error,
      },
    );
  }
}

function reasonOf(code: string): string {
  if (code === "ENOENT") return "no such file";
  if (code === "EISDIR") return "it is a folder";
  return code === "EACCES" ? "permission denied" : code;
}
