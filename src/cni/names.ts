import { CniError, errorCodes } from "./errors.ts";
import { describeType } from "./json.ts";

const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const nameRule = "it starts with a letter or digit and holds only letters, digits, _ . -";
const maxInterfaceNameBytes = 15;

/** Whether `id` may be a CNI_CONTAINERID (specification 1.1.0, section 2). */
export function isValidContainerId(id: string): boolean {
  return isText(id) && namePattern.test(id);
}

/** Whether `name` may be the name of a network (specification 1.1.0, section 1). */
export function isValidNetworkName(name: string): boolean {
  return isText(name) && namePattern.test(name);
}

/** Whether `name` may be a CNI_IFNAME: 1 to 15 bytes, not `.` or `..`, no `/`, `:`, NUL or white space. */
export function isValidInterfaceName(name: string): boolean {
  if (!isText(name) || name === "" || name === "." || name === "..") return false;
  if (Buffer.byteLength(name) > maxInterfaceNameBytes) return false;
  // Matches what the kernel refuses (isspace, which counts the vertical tab) and what JavaScript calls white space.
  return !/[/:\0\s]/u.test(name);
}

/** Whether `type` may be a plugin's: the name of a file, no path. */
export function isValidPluginType(type: string): boolean {
  return isText(type) && type !== "" && type !== "." && type !== ".." && !/[/\0]/u.test(type);
}

/** Throws a CniError when `id` is no valid container id; as in libcni, code 3 when there is none and 4 otherwise. */
export function assertContainerId(id: string): void {
  if (isValidContainerId(id)) return;
  if (!id) {
    throw new CniError({
      kind: "invalid",
      code: errorCodes.unknownContainer,
      msg: "no container id",
    });
  }
  throw badName("container id", id, nameRule);
}

/** Throws a CniError when `name` is no valid network name. */
export function assertNetworkName(name: string): void {
  if (isValidNetworkName(name)) return;
  throw badName("network name", name, nameRule, errorCodes.invalidNetworkConfig);
}

/** Throws a CniError when `name` is no valid interface name. */
export function assertInterfaceName(name: string): void {
  if (isValidInterfaceName(name)) return;
  throw badName(
    "interface name",
    name,
    "it has 1 to 15 bytes, no /, : or white space, and is not . or ..",
  );
}

/** Callers in JavaScript may give anything, and a pattern takes undefined for a word. */
function isText(value: unknown): boolean {
  return typeof value === "string";
}

function badName(
  what: string,
  value: unknown,
  rule: string,
  code: number = errorCodes.invalidEnvironment,
): CniError {
  const shown = typeof value === "string" ? JSON.stringify(value) : `(${describeType(value)})`;
  return new CniError({ kind: "invalid", code, msg: `invalid ${what} ${shown}: ${rule}` });
}
