import { isIPv4, isIPv6 } from "node:net";

/** The family of an IP address, 4 or 6, or undefined for what is none. A zone (`fe80::1%eth0`) is not accepted. */
export function ipFamily(address: string): 4 | 6 | undefined {
  if (isIPv4(address)) return 4;
  return isIPv6(address) && !address.includes("%") ? 6 : undefined;
}

/** The family of an address with a prefix length (`10.0.0.2/24`), or undefined for what is none. */
export function cidrFamily(cidr: string): 4 | 6 | undefined {
  const slash = cidr.indexOf("/");
  if (slash < 0) return undefined;
  const family = ipFamily(cidr.slice(0, slash));
  const length = cidr.slice(slash + 1);
  if (family === undefined || !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
  return Number(length) <= (family === 4 ? 32 : 128) ? family : undefined;
}
