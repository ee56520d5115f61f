import { rangeOf } from "../lib/ip-range.ts";
import { parseIp } from "../lib/ip.ts";
import type { Pool } from "./pools.ts";

/** An address that host-local has given out. */
export interface Lease {
  network: string;
  file: string;
  address: string;
  containerId: string;
}

/** What is asked of files. */
export interface Files {
  list(path: string): string[];
  read(path: string): string | undefined;
}

/**
 * The leases of the folders of these pools: host-local's files are named by the address, with `_` for `:`, and hold the container's
 * id, and the interface in a second line.
 */
export function readLeases(files: Files, pools: readonly Pool[]): Lease[] {
  const folders = new Map(pools.map(({ leaseDir, network }) => [leaseDir, network]));
  return [...folders].flatMap(([folder, network]) =>
    files.list(folder).flatMap((name) => {
      const address = parseIp(name.replaceAll("_", ":"))?.text;
      const text = address === undefined ? undefined : files.read(`${folder}/${name}`);
      const containerId = text?.split(/\r?\n/)[0]?.trim();
      if (address === undefined || !containerId) return [];
      return [{ network, file: `${folder}/${name}`, address, containerId }];
    }),
  );
}

/** Whether the address was given out of the pool. */
export function isOfPool({ network, address }: Lease, pool: Pool): boolean {
  const one = rangeOf(address);
  if (network !== pool.network || one?.family !== pool.range.family) return false;
  return one.first >= pool.range.first && one.last <= pool.range.last;
}
