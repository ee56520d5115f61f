/** Codes of the errors that an operator can fix; each is explained in docs/troubleshooting.md. */
export type ErrorCode =
  | "BAD_ARGS"
  | "BAD_BUNDLE"
  | "BAD_CONFIG"
  | "BAD_DAEMON_JSON"
  | "BAD_REQUEST"
  | "BUSY"
  | "CNI_FAILED"
  | "INSTALL_FAILED"
  | "IN_USE"
  | "NETNS_FAILED"
  | "NOT_ALLOWED"
  | "NO_ENGINE"
  | "NO_NFT"
  | "NO_RUNTIME"
  | "NO_SUCH_CONTAINER"
  | "PORT_TAKEN"
  | "STATE_FAILED";

export interface UserErrorOptions {
  /** What to do about it: one sentence in the imperative. */
  hint?: string;
  cause?: unknown;
}

/**
 * An error that an operator can fix. `message` says what was attempted, on what, and what came back;
 * `hint` says what to do. A bug is never one of these: it stays a plain Error.
 */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: UserErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** One line for `docker run`'s output or a terminal: the message, and the hint when there is one. */
export function describeError(error: unknown): string {
  if (error instanceof UserError) {
    return error.hint === undefined ? error.message : `${error.message} (${error.hint})`;
  }
  return error instanceof Error ? error.message : String(error);
}

/** The system error code of `error` (`ENOENT`, `EEXIST`, …), when it carries one. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** What `read` gives; undefined where the system refuses it with one of `codes`: there is no such thing. */
export function ifThere<T>(read: () => T, codes: readonly string[] = ["ENOENT"]): T | undefined {
  try {
    return read();
  } catch (error) {
    if (codes.includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}

/** What `read` gives; undefined where the system refuses it, for whatever reason. */
export function ifReadable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
