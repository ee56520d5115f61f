import { CniError, errorCodes } from "./errors.ts";

/** The newest version of the CNI specification that this library speaks. */
export const currentVersion = "1.1.0";

/** What a configuration that names no version has (specification 0.1.0 had no such field). */
export const defaultVersion = "0.1.0";

/** Every released version of the CNI specification up to `currentVersion`, oldest first. */
export const supportedVersions = [
  "0.1.0",
  "0.2.0",
  "0.3.0",
  "0.3.1",
  "0.4.0",
  "1.0.0",
  "1.1.0",
] as const;

/** Whether `version` is a version of numbers and dots, one to three of them: `1.0.0`, `0.4`. */
export function isVersion(version: string): boolean {
  return /^\d{1,9}(\.\d{1,9}){0,2}$/.test(version);
}

/** Negative, zero or positive as `a` is older than, the same as or newer than `b`; the empty version is 0.1.0. */
export function compareVersions(a: string, b: string): number {
  const left = numbersOf(a);
  const right = numbersOf(b);
  for (const [index, number] of left.entries()) {
    const difference = number - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether `version` is `least` or newer. */
export function isAtLeast(version: string, least: string): boolean {
  return compareVersions(version, least) >= 0;
}

/**
 * The version to use for a configuration that offers `cniVersion` and `cniVersions`: the highest that is
 * not newer than `currentVersion`, and 0.1.0 when it offers none at all. Throws when every one is newer.
 */
export function chooseVersion(
  cniVersion: string | undefined,
  cniVersions: readonly string[] = [],
): string {
  const offered = cniVersion ? [...cniVersions, cniVersion] : cniVersions;
  if (offered.length === 0) return defaultVersion;
  const usable = offered.filter((version) => compareVersions(version, currentVersion) <= 0);
  const highest = usable.sort(compareVersions).at(-1);
  if (highest !== undefined) return highest;
  const msg = `CNI version ${offered.join(", ")} is newer than ${currentVersion}, the newest supported here`;
  throw new CniError({ kind: "unsupported", msg });
}

function numbersOf(version: string): number[] {
  const text = version === "" ? defaultVersion : version;
  if (!isVersion(text)) {
    const msg = `invalid CNI version ${JSON.stringify(version)}`;
    throw new CniError({ kind: "invalid", code: errorCodes.incompatibleVersion, msg });
  }
  const numbers = text.split(".").map(Number);
  while (numbers.length < 3) numbers.push(0);
  return numbers;
}
