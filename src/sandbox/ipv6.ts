import type { SandboxRecord } from "../state/record.ts";

/** Whether a network of the sandbox has IPv6 addresses, or may get some. */
export function mayHaveIpv6(record: SandboxRecord): boolean {
  return record.attachments.some(
    ({ list, addresses, capabilityArgs, cniArgs }) =>
      addresses.some((address) => address.includes(":")) ||
      // Colons are JSON's own too, two together are an address.
      [list, JSON.stringify([capabilityArgs, cniArgs])].some((text) => text.includes("::")),
  );
}

/** Whether the container itself has IPv6 switched off on the interface. */
export function isWithoutIpv6(
  { withoutIpv6 = [] }: Pick<SandboxRecord, "withoutIpv6">,
  ifName: string,
): boolean {
  return withoutIpv6.includes("all") || withoutIpv6.includes(ifName);
}
