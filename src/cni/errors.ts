import { oneLine } from "./text.ts";

/** The verbs of the CNI protocol: the values of CNI_COMMAND. */
export type CniCommand = "ADD" | "CHECK" | "DEL" | "GC" | "STATUS" | "VERSION";

/** Error codes of the CNI specification 1.1.0, section 5, "Error"; `invalidNetns` and `internal` are libcni's own. */
export const errorCodes = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  ioFailure: 5,
  decodingFailure: 6,
  invalidNetworkConfig: 7,
  invalidNetns: 8,
  tryAgainLater: 11,
  pluginNotAvailable: 50,
  limitedConnectivity: 51,
  internal: 999,
} as const;

/**
 * Where an error comes from.
 *
 * - `plugin`: the plugin itself said so, with error JSON
 * - `exit`: it exited non-zero and printed no error JSON
 * - `signal`, `timeout`, `aborted`: how it ended
 * - `not-found`, `not-executable`: there is no such binary, or the kernel would not run it
 * - `bad-output`: what it printed is not what the protocol asks for
 * - `invalid`: the caller's own input: a name, an argument, a network configuration
 * - `unsupported`: a verb or version that the configuration or the plugin does not have
 * - `no-network`: no loadable network configuration of that name
 * - `cache`: the cache of results could not be read or written
 * - `several`: more than one; see `errors`
 */
export type CniErrorKind =
  | "plugin"
  | "exit"
  | "signal"
  | "timeout"
  | "aborted"
  | "not-found"
  | "not-executable"
  | "bad-output"
  | "invalid"
  | "unsupported"
  | "no-network"
  | "cache"
  | "several";

export interface CniErrorOptions {
  kind: CniErrorKind;
  msg: string;
  /** A code of the specification; without it, the one that belongs to `kind`. */
  code?: number;
  details?: string | undefined;
  /** The plugin's `type`. */
  plugin?: string | undefined;
  network?: string | undefined;
  command?: CniCommand | undefined;
  errors?: readonly CniError[];
  cause?: unknown;
}

/** The fields of an error on the wire (specification 1.1.0, section 5, "Error"). */
export interface WireError {
  code: number;
  msg: string;
  details?: string;
}

/**
 * Every error of this library. `code`, `msg` and `details` are the wire format; `message` wraps them and
 * names the plugin: `plugin type="bridge" name="lan" failed (add): …`.
 */
export class CniError extends Error {
  override readonly name = "CniError";
  readonly kind: CniErrorKind;
  readonly code: number;
  readonly msg: string;
  readonly details: string | undefined;
  readonly plugin: string | undefined;
  readonly network: string | undefined;
  readonly command: CniCommand | undefined;
  /** The errors that make up one of kind `several`; empty for all others. */
  readonly errors: readonly CniError[];

  constructor(options: CniErrorOptions) {
    super(wrap(options), options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = options.kind;
    this.code = options.code ?? codeOfKind[options.kind];
    this.msg = options.msg;
    this.details = options.details;
    this.plugin = options.plugin;
    this.network = options.network;
    this.command = options.command;
    this.errors = options.errors ?? [];
  }

  /** The wire format, so that `JSON.stringify(error)` is what a plugin would print. */
  toJSON(): WireError {
    return { code: this.code, msg: this.msg, ...(this.details && { details: this.details }) };
  }
}

/** One error for a list of them: the very one when there is but one. */
export function joinErrors(errors: readonly CniError[]): CniError | undefined {
  const first = errors[0];
  if (first === undefined || errors.length === 1) return first;
  return new CniError({
    kind: "several",
    code: first.code,
    msg: errors.map((error) => error.message).join("; "),
    network: first.network,
    errors,
  });
}

/** Returns `error` when it is a CniError, and throws it on when it is anything else: a bug. */
export function asCniError(error: unknown): CniError {
  if (error instanceof CniError) return error;
  throw error;
}

/** Characters of `msg` and `details` that `message` shows; the fields themselves are whole. */
const maxMessage = 2000;

const codeOfKind: Record<CniErrorKind, number> = {
  plugin: errorCodes.internal,
  exit: errorCodes.internal,
  signal: errorCodes.internal,
  timeout: errorCodes.internal,
  aborted: errorCodes.internal,
  "not-found": errorCodes.internal,
  "not-executable": errorCodes.internal,
  "bad-output": errorCodes.decodingFailure,
  invalid: errorCodes.invalidNetworkConfig,
  unsupported: errorCodes.incompatibleVersion,
  "no-network": errorCodes.invalidNetworkConfig,
  cache: errorCodes.ioFailure,
  several: errorCodes.internal,
};

const commandNames: Record<CniCommand, string> = {
  ADD: "add",
  CHECK: "check",
  DEL: "delete",
  GC: "gc",
  STATUS: "status",
  VERSION: "version",
};

function wrap({ kind, msg, details, code, plugin, network, command }: CniErrorOptions): string {
  const text = oneLine(details ? `${msg}; ${details}` : msg, maxMessage);
  if (plugin === undefined || command === undefined) return text;
  const name = network === undefined ? "" : ` name=${JSON.stringify(network)}`;
  const suffix = kind === "plugin" && code !== undefined ? ` (code ${code})` : "";
  return `plugin type=${JSON.stringify(plugin)}${name} failed (${commandNames[command]}): ${text}${suffix}`;
}
