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

function readCounts({ bytes = 0, packets = 0, dropped = 0, errors = 0 }: CountsJson = {}): Counts {
  return { bytes, packets, drops: dropped, errors };
}
