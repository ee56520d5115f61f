import { CniError, errorCodes, type CniCommand } from "../errors.ts";
import { assertContainerId, assertInterfaceName } from "../names.ts";
import type { PluginConf } from "./plugin-conf.ts";

/** What a plugin is called with: its environment and the configuration from stdin (specification 1.1.0, section 2). */
export interface CmdArgs {
  command: CniCommand;
  /** Empty for GC and STATUS. */
  containerId: string;
  /** Path of the container's network namespace. Empty for GC and STATUS, and for DEL when it is gone. */
  netns: string;
  /** Empty for GC and STATUS. */
  ifName: string;
  /** The text of CNI_ARGS; `parseCniArgs` reads it. */
  args: string;
  /** The folders of CNI_PATH. */
  pluginDirs: string[];
  config: PluginConf;
}

interface Variable {
  name: string;
  requiredBy: ReadonlySet<string>;
  assertValid?: (value: string) => void;
}

const everyCall = new Set(["ADD", "CHECK", "DEL", "GC", "STATUS"]);
const attachmentCalls = new Set(["ADD", "CHECK", "DEL"]);

const variables: readonly Variable[] = [
  { name: "CNI_CONTAINERID", requiredBy: attachmentCalls, assertValid: assertContainerId },
  { name: "CNI_NETNS", requiredBy: new Set(["ADD", "CHECK"]) },
  { name: "CNI_IFNAME", requiredBy: attachmentCalls, assertValid: assertInterfaceName },
  { name: "CNI_PATH", requiredBy: everyCall },
];

/** CNI_COMMAND; throws a CniError of code 4 for what is no verb of the protocol. */
export function readCommand(env: NodeJS.ProcessEnv): CniCommand {
  const { CNI_COMMAND: command = "" } = env;
  if (command === "") throw invalidEnvironment("the environment variable CNI_COMMAND is missing");
  if (isCommand(command)) return command;
  throw invalidEnvironment(`unknown CNI_COMMAND: ${command}`);
}

/**
 * The arguments in the environment; throws a CniError of code 4 that names every variable that `command` needs and that is
 * missing or empty, or the first one that is not valid.
 */
export function readEnv(command: CniCommand, env: NodeJS.ProcessEnv): Omit<CmdArgs, "config"> {
  const required = variables.filter(({ requiredBy }) => requiredBy.has(command));
  const missing = required.filter(({ name }) => !env[name]);
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name).join(", ");
    throw invalidEnvironment(`environment variables that ${command} needs are missing: ${names}`);
  }
  for (const { name, assertValid } of required) assertValid?.(env[name] ?? "");
  return {
    command,
    containerId: env["CNI_CONTAINERID"] ?? "",
    netns: env["CNI_NETNS"] ?? "",
    ifName: env["CNI_IFNAME"] ?? "",
    args: env["CNI_ARGS"] ?? "",
    pluginDirs: (env["CNI_PATH"] ?? "").split(":").filter((dir) => dir !== ""),
  };
}

function isCommand(text: string): text is CniCommand {
  return text === "VERSION" || everyCall.has(text);
}

function invalidEnvironment(msg: string): CniError {
  return new CniError({ kind: "invalid", code: errorCodes.invalidEnvironment, msg });
}
