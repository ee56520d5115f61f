import type { IpConfig, Result } from "../cni/index.ts";
import { rangeOf } from "../lib/ip-range.ts";
import { fromNumber, type IpAddress, parseIpWithPrefix, subnetHolds, toNumber } from "../lib/ip.ts";
import type { TryFlock } from "../lib/libc.ts";
import { failed } from "./host.ts";
import type { LocalRange, LocalRanges } from "./host-local-conf.ts";
import {
  allLeases,
  type Holder,
  isOf,
  lastReserved,
  noteReserved,
  release,
  take,
  whileLocked,
} from "./leases.ts";

/** Addresses from host-local's own files, by its rules: the next one after the last, one of each range set. */
export async function reserve(
  { folder, sets, routes, requested }: LocalRanges,
  holder: Holder,
  tryFlock: TryFlock,
): Promise<Result> {
  const wanted = requested.map((text) => {
    const range = sets.findIndex((set) => set.some(({ subnet }) => holds(subnet, text)));
    if (range < 0) throw failed(`the requested address ${text} is in no range of ${folder}`);
    return { range, text };
  });
  if (new Set(wanted.map(({ range }) => range)).size < wanted.length) {
    throw failed(`more than one address of the same range is requested: ${requested.join(", ")}`);
  }
  return whileLocked(folder, tryFlock, () => {
    for (const lease of allLeases(folder)) {
      if (isOf(lease, holder)) {
        throw failed(
          `${holder.containerId} has an address for ${holder.ifName} already: ${lease.file}`,
        );
      }
    }
    try {
      const ips = sets.map((set, number) => {
        const text = wanted.find(({ range }) => range === number)?.text;
        return text === undefined
          ? next(folder, set, number, holder)
          : exactly(folder, set, text, holder);
      });
      return { cniVersion: "1.1.0", ips, ...(routes.length > 0 && { routes }) };
    } catch (error) {
      release(folder, (lease) => isOf(lease, holder));
      throw error;
    }
  });
}

function exactly(
  folder: string,
  set: readonly LocalRange[],
  text: string,
  holder: Holder,
): IpConfig {
  const range = set.find(({ subnet }) => holds(subnet, text));
  const address = parseIpWithPrefix(text);
  if (range === undefined || address === undefined || address.text === range.gateway.text) {
    throw failed(`the requested address ${text} is the gateway's`);
  }
  if (!take(folder, address.text, holder)) throw failed(`the requested address ${text} is taken`);
  return ipConfig(range, address);
}

function next(
  folder: string,
  set: readonly LocalRange[],
  number: number,
  holder: Holder,
): IpConfig {
  const last = lastReserved(folder, number);
  for (const { range, address } of candidates(set, last)) {
    if (address.text === range.gateway.text || !take(folder, address.text, holder)) continue;
    noteReserved(folder, number, address.text);
    return ipConfig(range, address);
  }
  const names = set.map(({ subnet }) => subnet).join(", ");
  throw failed(`no address is free in ${names}: ${folder} has a file for each that is taken`);
}

/** Each address of the set once, the one after `last` first. */
function* candidates(
  set: readonly LocalRange[],
  last: string | undefined,
): Generator<{ range: LocalRange; address: IpAddress }> {
  const before = last === undefined ? undefined : parseIpWithPrefix(last);
  const number = before && toNumber(before);
  const at = set.findIndex(
    ({ family, first, end }) =>
      before?.family === family && number !== undefined && number >= first && number <= end,
  );
  const start = Math.max(at, 0);
  const from = at < 0 || number === undefined ? set[0]?.first : number + 1n;
  for (let step = 0; step <= set.length; step++) {
    const range = set[(start + step) % set.length];
    if (range === undefined || from === undefined) return;
    const first = step === 0 ? from : range.first;
    const end = step === set.length ? from - 1n : range.end;
    for (let each = first; each <= end; each++) {
      yield { range, address: fromNumber(range.family, each) };
    }
  }
}

function ipConfig({ prefix, gateway }: LocalRange, { text }: IpAddress): IpConfig {
  return { address: `${text}/${prefix}`, gateway: gateway.text };
}

function holds(subnet: string, text: string): boolean {
  const address = parseIpWithPrefix(text);
  return address !== undefined && rangeOf(subnet) !== undefined && subnetHolds(subnet, address);
}
