import { assessNow } from "../state/facts.ts";
import type { OperatorCall } from "./cli.ts";
import { formatPort, portsOf } from "./container-json.ts";
import { allViews } from "./network-users.ts";
import type { SandboxState } from "../sandbox/view.ts";

/** A name that a network is reserved for. */
export interface Reservation {
  name: string;
  /** `reserved`: its container is gone. Otherwise the state of the container that has it. */
  state: SandboxState;
  networks: string[];
  /** `address/length` each. */
  addresses: string[];
  macs: string[];
  /** Those that the last container published; another one may have them now. */
  ports: string[];
  /** The id of the container that had it last, or has it. */
  container: string;
  /** Since when it waits for its next container; ISO 8601. */
  reservedAt: string | null;
  /** When it is given up; ISO 8601. Null: when it is released. */
  expiresAt: string | null;
}

/** All names, in their order. */
export async function readReservations(call: OperatorCall): Promise<Reservation[]> {
  const { sandbox, config } = call;
  const views = await allViews(call);
  return views
    .flatMap(({ id, state, record }): Reservation[] => {
      const { reserve, attachments } = record;
      if (reserve === undefined) return [];
      const { forMs } = assessNow(sandbox, record).marks.reservation ?? {};
      const since = state === "reserved" ? Date.now() - (forMs ?? 0) : undefined;
      const until = since === undefined ? undefined : since + (config.reserveForMs ?? Number.NaN);
      return [
        {
          name: reserve,
          state,
          networks: attachments.map(({ network }) => network),
          addresses: attachments.flatMap(({ addresses }) => addresses),
          macs: attachments.flatMap(({ mac }) => mac ?? []),
          ports: [...new Set(attachments.flatMap((each) => portsOf(each).map(formatPort)))],
          container: id,
          reservedAt: isoOf(since),
          expiresAt: isoOf(until),
        },
      ];
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function isoOf(ms: number | undefined): string | null {
  return ms === undefined || Number.isNaN(ms) ? null : new Date(ms).toISOString();
}
