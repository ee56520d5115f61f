const IPV4 = /^((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(?!$)|$)){4}$/;

/**
 * The family of an IP address, 4 or 6, or undefined for what is none. A zone (`fe80::1%eth0`) is not accepted.
 * By hand because a load of node:net costs every call more than a millisecond.
 */
export function ipFamily(address: string): 4 | 6 | undefined {
  if (IPV4.test(address)) return 4;
  // The URL parser knows IPv6 addresses exactly, and drops tabs and line ends before it looks.
  return /^[\da-fA-F:.]+$/.test(address) && URL.canParse(`http://[${address}]/`) ? 6 : undefined;
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
