import { CniError, errorCodes } from "./errors.ts";

/** Keys and values for CNI_ARGS, in order. */
export type CniArgs = readonly (readonly [string, string])[];

/** Throws a CniError for a key or value that CNI_ARGS cannot hold. */
export function assertCniArgs(args: CniArgs = []): void {
  for (const [key, value] of args) assertCniArg(key, value);
}

/** Throws a CniError for what is no list of pairs of strings. */
export function assertPairs(args: unknown): void {
  if (Array.isArray(args) && args.every(isPair)) return;
  throw invalidArg("CNI_ARGS needs a list of pairs of strings");
}

function isPair(pair: unknown): boolean {
  return Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === "string");
}

/** The text of CNI_ARGS: `K=V;K=V` (specification 1.1.0, section 2). */
export function formatCniArgs(args: CniArgs = []): string {
  assertCniArgs(args);
  return joinCniArgs(args);
}

/** As `formatCniArgs`, without a check: for arguments that come from the cache. */
export function joinCniArgs(args: CniArgs): string {
  return args.map(([key, value]) => `${key}=${value}`).join(";");
}

/** Reads CNI_ARGS text back; throws a CniError for a part that is not one `K=V`. */
export function parseCniArgs(text: string): CniArgs {
  if (text === "") return [];
  return text.split(";").map((pair) => {
    const [key, value, ...rest] = pair.split("=");
    if (!key || value === undefined || rest.length > 0) {
      throw invalidArg(`invalid part ${JSON.stringify(pair)} of CNI_ARGS: it has to be KEY=VALUE`);
    }
    return [key, value] as const;
  });
}

function assertCniArg(key: string, value: string): void {
  if (key === "" || /[;=\0]/u.test(key)) {
    throw invalidArg(
      `invalid key ${JSON.stringify(key)} in CNI_ARGS: it must not be empty or hold ; or =`,
    );
  }
  if (/[;=\0]/u.test(value)) {
    throw invalidArg(
      `invalid value ${JSON.stringify(value)} of ${key} in CNI_ARGS: it must not hold ; or =`,
    );
  }
}

/** The error of a parameter that plugins cannot be given (specification 1.1.0, section 5: 4). */
export function invalidArg(msg: string): CniError {
  return new CniError({ kind: "invalid", code: errorCodes.invalidEnvironment, msg });
}
