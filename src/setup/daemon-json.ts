import { isDeepStrictEqual } from "node:util";
import {
  findNodeAtLocation,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import { UserError } from "../lib/errors.ts";
import { addProperty, removeProperty, replaceValue } from "./json-text.ts";

/** A runtime as Docker's daemon.json has it. */
export interface RuntimeEntry {
  path: string;
  runtimeArgs?: string[];
}

/** What is to be registered. */
export interface Registration {
  name: string;
  runtime: RuntimeEntry;
  makeDefault: boolean;
}

const BOM = "\uFEFF";

/** What Docker's daemon.json holds of what concerns docker-cni. */
export interface DaemonJson {
  /** The text, without a byte order mark. */
  text: string;
  bom: string;
  root: Node | undefined;
  /** Every key. */
  value: Record<string, unknown>;
  runtimes: Record<string, unknown>;
  defaultRuntime: string | undefined;
  /** Where dockerd has its pid file, and the first unix socket that it listens on (`unix://…`), when the file says so. */
  pidfile: string | undefined;
  socket: string | undefined;
  /** Docker refuses a file with comments. */
  hasComments: boolean;
}

/**
 * Reads `bytes`, the content of `file`; an empty file is an empty object. Throws BAD_DAEMON_JSON, with the line, for what is no JSON
 * object of Docker's.
 */
export function readDaemonJson(bytes: Uint8Array, file: string): DaemonJson {
  const whole = Buffer.from(bytes).toString("utf8");
  if (!Buffer.from(whole, "utf8").equals(bytes)) throw bad(file, "it is not UTF-8");
  const bom = whole.startsWith(BOM) ? BOM : "";
  const text = whole.slice(bom.length);
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: false, allowEmptyContent: true });
  const [error] = errors;
  if (error !== undefined) {
    const line = text.slice(0, error.offset).split("\n").length;
    throw bad(`${file}:${line}`, `it is not valid JSON: ${printParseErrorCode(error.error)}`);
  }
  if (root !== undefined && root.type !== "object") throw bad(file, "it is not a JSON object");
  for (const key of ["runtimes", "default-runtime"]) {
    if (root !== undefined && propertiesOf(root, key).length > 1) {
      throw bad(file, `it has the key ${JSON.stringify(key)} twice`);
    }
  }
  const value = valueOf(root);
  const { runtimes, pidfile, hosts, "default-runtime": defaultRuntime } = value;
  if (runtimes !== undefined && runtimes !== null && !isObject(runtimes)) {
    throw bad(file, `its "runtimes" is not an object`);
  }
  if (defaultRuntime !== undefined && typeof defaultRuntime !== "string") {
    throw bad(file, `its "default-runtime" is not a text`);
  }
  return {
    text,
    bom,
    root,
    value,
    runtimes: isObject(runtimes) ? runtimes : {},
    defaultRuntime,
    socket: Array.isArray(hosts) ? hosts.find(isUnixSocket) : undefined,
    pidfile: typeof pidfile === "string" && pidfile !== "" ? pidfile : undefined,
    hasComments: !isStrict(text),
  };
}

/** The content of `file` with the runtime; `bytes` themselves when it is registered so already. */
export function withRuntime(
  bytes: Uint8Array,
  file: string,
  { name, runtime, makeDefault }: Registration,
): Uint8Array {
  let json = readDaemonJson(bytes, file);
  const { root } = json;
  if (!isDeepStrictEqual(json.runtimes[name], runtime)) {
    const runtimes = root && findNodeAtLocation(root, ["runtimes"]);
    const present = root && findNodeAtLocation(root, ["runtimes", name]);
    const text =
      present !== undefined
        ? replaceValue(json.text, present, runtime)
        : runtimes?.type === "object"
          ? addProperty(json.text, runtimes, [name, runtime])
          : set(json, "runtimes", { [name]: runtime });
    json = readDaemonJson(Buffer.from(json.bom + text), file);
  }
  const text =
    makeDefault && json.defaultRuntime !== name ? set(json, "default-runtime", name) : json.text;
  const after = Buffer.from(json.bom + text);
  assertOnly(bytes, after, file, [name]);
  return after;
}

/** What `withoutRuntime` takes away. */
export interface Removal {
  name: string;
  /** Whether the runtime itself stays, and only its being the default goes. */
  keep: boolean;
  /** Whether `runtimes` itself goes when nothing else is in it. */
  dropEmpty: boolean;
  /** What was the default before the runtime became it; null: none was named. Undefined: it did not become the default. */
  previousDefault: string | null | undefined;
}

/** Runtimes that no file registers. */
const BUILT_IN = /^(runc$|io\.containerd\.)/;

/** The content of `file` without the runtime, and with no default that is not there. */
export function withoutRuntime(
  bytes: Uint8Array,
  file: string,
  { name, keep, dropEmpty, previousDefault }: Removal,
): Uint8Array {
  let json = readDaemonJson(bytes, file);
  if (!keep && Object.hasOwn(json.runtimes, name)) {
    const isLast = dropEmpty && Object.keys(json.runtimes).length === 1;
    json = reread(json, remove(json, isLast ? ["runtimes"] : ["runtimes", name]), file);
  }
  if (json.defaultRuntime === name && !(keep && previousDefault === undefined)) {
    const previous = previousDefault ?? "";
    const isKnown = BUILT_IN.test(previous) || Object.hasOwn(json.runtimes, previous);
    const text = isKnown
      ? set(json, "default-runtime", previous)
      : remove(json, ["default-runtime"]);
    json = reread(json, text, file);
  }
  const after = Buffer.from(json.bom + json.text);
  assertOnly(bytes, after, file, [name]);
  return after;
}

function reread({ bom }: DaemonJson, text: string, file: string): DaemonJson {
  return readDaemonJson(Buffer.from(bom + text), file);
}

function set({ text, root }: DaemonJson, key: string, value: unknown): string {
  if (root === undefined) {
    return `${text.trim() === "" ? "" : text}${JSON.stringify({ [key]: value }, null, 2)}\n`;
  }
  const present = findNodeAtLocation(root, [key]);
  return present === undefined
    ? addProperty(text, root, [key, value])
    : replaceValue(text, present, value);
}

function remove({ text, root }: DaemonJson, path: string[]): string {
  const property = root && findNodeAtLocation(root, path)?.parent;
  return property?.parent === undefined ? text : removeProperty(text, property.parent, property);
}

/** Whoever edits another program's file proves that nothing else of it has changed. */
function assertOnly(
  before: Uint8Array,
  after: Uint8Array,
  file: string,
  names: readonly string[],
): void {
  const others = (bytes: Uint8Array): unknown => {
    const { root } = readDaemonJson(bytes, file);
    const value = valueOf(root);
    const { runtimes, "default-runtime": _, ...rest } = value;
    const kept = Object.entries(isObject(runtimes) ? runtimes : {});
    return { rest, runtimes: kept.filter(([name]) => !names.includes(name)) };
  };
  // Not the prototypes, which a member called __proto__ sets.
  if (JSON.stringify(others(before)) !== JSON.stringify(others(after))) {
    throw new Error(`the edit of ${file} would have changed other keys`);
  }
}

/** The parser's objects have no prototype. */
function valueOf(root: Node | undefined): Record<string, unknown> {
  const value: Record<string, unknown> =
    root === undefined ? {} : JSON.parse(JSON.stringify(getNodeValue(root)));
  return value;
}

function propertiesOf(object: Node, key: string): Node[] {
  return (object.children ?? []).filter(({ children }) => children?.[0]?.value === key);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isUnixSocket(host: unknown): host is string {
  return typeof host === "string" && host.startsWith("unix://");
}

/** Whether Docker, whose JSON has no comments, can read it. */
function isStrict(text: string): boolean {
  try {
    if (text.trim() !== "") JSON.parse(text);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function bad(where: string, what: string): UserError {
  return new UserError("BAD_DAEMON_JSON", `${where}: ${what}; nothing was changed`, {
    hint: "correct the file, or name another with --config-file",
  });
}
