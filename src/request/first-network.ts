import type { AttachmentRequest } from "./attachment-request.ts";
import { badRequest } from "../lib/bad-request.ts";
import type { RequestInput } from "./request.ts";
import { isCniArgValue, parseAliases, parseIps, parseMac } from "./values.ts";

/** Docker's own flags speak for the first network, where no label or annotation does. */
export function applyFlags(
  first: AttachmentRequest,
  {
    ips = [],
    networkAliases = [],
    macAddress,
  }: Pick<RequestInput, "ips" | "networkAliases" | "macAddress">,
): void {
  if (macAddress !== undefined) {
    first.mac ??= parseMac({ flag: "--mac-address", value: macAddress });
  }
  if (first.ips.length === 0 && ips.length > 0) {
    first.ips = parseIps({ flag: "--ip", value: ips.join(",") });
  }
  if (networkAliases.length === 0) return;
  const value = networkAliases.join(",");
  first.aliases = [...first.aliases, ...parseAliases({ flag: "--network-alias", value })];
}

/** IPV4 and IPPOOL speak for the first network, where no label or annotation does. */
export function applyEnv(first: AttachmentRequest, env: readonly string[]): void {
  const ip = envValue(env, "IPV4");
  if (ip !== undefined && first.ips.length === 0)
    first.ips = parseIps({ flag: "--env IPV4", value: ip });
  const pool = envValue(env, "IPPOOL");
  if (pool === undefined || first.cniArgs.some(([key]) => key === "IPPOOL")) return;
  if (!isCniArgValue(pool)) {
    throw badRequest({ flag: "--env IPPOOL", value: pool }, "cannot stand in CNI_ARGS", "blue");
  }
  first.cniArgs = [...first.cniArgs, ["IPPOOL", pool]];
}

function envValue(env: readonly string[], name: string): string | undefined {
  const value = env.findLast((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
  return value === "" ? undefined : value;
}
