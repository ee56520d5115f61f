import { convertResult } from "../convert.ts";
import { asCniError, CniError, errorCodes } from "../errors.ts";
import { describeType, isObject, parseJson, type JsonObject } from "../json.ts";
import { assertNetworkName } from "../names.ts";
import { readResult, type Result } from "../result.ts";
import type { ValidAttachment } from "../stdin.ts";
import { currentVersion, defaultVersion } from "../versions.ts";

/** The configuration that a plugin is given on stdin: its own keys, and those that the runtime adds. */
export interface PluginConf {
  cniVersion: string;
  /** The network's name. */
  name: string;
  type?: string;
  ipam?: { type?: string; [key: string]: unknown };
  /** The capabilityArgs, by capability. */
  runtimeConfig?: JsonObject;
  /** `parsePrevResult` reads it. */
  prevResult?: unknown;
  [key: string]: unknown;
}

/** Reads the text from stdin; throws a CniError of code 6 for what is no configuration, and of code 7 for a bad network name. */
export function parsePluginConf(text: string): PluginConf {
  const conf = parseObject(text);
  const name = optional(conf, "name", isString) ?? "";
  if (name === "") throw invalidConfig("the network has no name");
  assertNetworkName(name);
  const cniVersion = optional(conf, "cniVersion", isString);
  const [type, ipam] = [optional(conf, "type", isString), optional(conf, "ipam", isObject)];
  const runtimeConfig = optional(conf, "runtimeConfig", isObject);
  return {
    ...conf,
    name,
    cniVersion: cniVersion || defaultVersion,
    ...(type !== undefined && { type }),
    ...(ipam && { ipam: { ...ipam, ...readIpamType(ipam) } }),
    ...(runtimeConfig && { runtimeConfig }),
  };
}

/**
 * The result of the plugin before this one, or for CHECK and DEL the one of ADD, in the newest version of the specification;
 * undefined when there is none. Throws a CniError of code 6 for what is no result.
 */
export function parsePrevResult({ prevResult, cniVersion }: PluginConf): Result | undefined {
  if (prevResult === undefined || prevResult === null) return undefined;
  try {
    return convertResult(readResult(prevResult, cniVersion), currentVersion);
  } catch (error) {
    throw undecodable(`invalid prevResult: ${asCniError(error).msg}`, error);
  }
}

const validAttachmentKeys = ["cni.dev/valid-attachments", "cni.dev/attachments"];

/**
 * The attachments that GC has to leave alone. Throws a CniError of code 7 when the configuration has no such list: taken for an
 * empty one, it would have everything deleted. Null is how Go writes an empty list.
 */
export function readValidAttachments(config: PluginConf): ValidAttachment[] {
  const key = validAttachmentKeys.find((each) => config[each] !== undefined);
  const list = key === undefined ? undefined : (config[key] ?? []);
  if (!Array.isArray(list)) throw invalidConfig('GC needs the list "cni.dev/valid-attachments"');
  return list.map(readAttachment);
}

function readAttachment(value: unknown): ValidAttachment {
  const { containerID, ifname } = isObject(value) ? value : {};
  if (isString(containerID) && isString(ifname)) {
    return { containerId: containerID, ifName: ifname };
  }
  const what = 'an entry of "cni.dev/valid-attachments"';
  throw invalidConfig(`${what} has to have a containerID and an ifname: ${JSON.stringify(value)}`);
}

function parseObject(text: string): JsonObject {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw undecodable(`the configuration on stdin is no JSON: ${error.message}`, error);
  }
  if (isObject(value)) return value;
  throw undecodable(
    `the configuration on stdin has to be a JSON object and is ${describeType(value)}`,
  );
}

/** A key of the right type; one that is null counts as absent. */
function optional<T>(
  object: JsonObject,
  key: string,
  isRight: (value: unknown) => value is T,
): T | undefined {
  const value = object[key] ?? undefined;
  if (value === undefined || isRight(value)) return value;
  const wanted = isRight("") ? "a string" : "an object";
  throw undecodable(`${JSON.stringify(key)} has to be ${wanted} and is ${describeType(value)}`);
}

function readIpamType(ipam: JsonObject): { type?: string } {
  const type = optional(ipam, "type", isString);
  return type === undefined ? {} : { type };
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}

function undecodable(msg: string, cause?: unknown): CniError {
  return new CniError({ kind: "invalid", code: errorCodes.decodingFailure, msg, cause });
}

function invalidConfig(msg: string): CniError {
  return new CniError({ kind: "invalid", code: errorCodes.invalidNetworkConfig, msg });
}
