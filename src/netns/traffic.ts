import { ipJson } from "./show.ts";

/** What came and went by an interface since it was made, as its namespace sees it. */
export interface Counters {
  receive: Counts;
  transmit: Counts;
}

export interface Counts {
  bytes: number;
  packets: number;
  drops: number;
  errors: number;
}

/** Who was heard of on a link: an entry of the neighbour table (ip-neighbour(8)). */
export interface Neighbour {
  address: string;
  mac: string | null;
  interface: string;
  /** `REACHABLE`, `STALE`, `FAILED` and so on. */
  state: string;
}

interface LinkJson {
  ifname?: string;
  stats64?: { rx?: CountsJson; tx?: CountsJson };
}

interface CountsJson {
  bytes?: number;
  packets?: number;
  dropped?: number;
  errors?: number;
}

interface NeighbourJson {
  dst?: string;
  dev?: string;
  lladdr?: string;
  state?: string[];
}

/** The counters of the interfaces in the namespace `name`, by their names; rejects when ip(8) fails. */
export async function readCounters(name: string): Promise<Map<string, Counters>> {
  const links = await ipJson<LinkJson>(["-n", name, "-statistics", "link", "show"]);
  return new Map(
    links.map(({ ifname = "", stats64 }) => [
      ifname,
      { receive: readCounts(stats64?.rx), transmit: readCounts(stats64?.tx) },
    ]),
  );
}

/** The neighbour table of the namespace `name`; rejects when ip(8) fails. */
export async function readNeighbours(name: string): Promise<Neighbour[]> {
  const entries = await ipJson<NeighbourJson>(["-n", name, "neighbour", "show"]);
  return entries.map(({ dst = "", dev = "", lladdr, state }) => ({
    address: dst,
    mac: lladdr ?? null,
    interface: dev,
    state: state?.join(" ") ?? "",
  }));
}

function readCounts({ bytes = 0, packets = 0, dropped = 0, errors = 0 }: CountsJson = {}): Counts {
  return { bytes, packets, drops: dropped, errors };
}
