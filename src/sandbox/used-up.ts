import { CniError } from "../cni/index.ts";
import { UserError } from "../lib/errors.ts";
import type { SandboxContext } from "./context.ts";
import type { SandboxRecord } from "../state/record.ts";

/** How IPAM plugins say that they have no address left. */
const USED_UP =
  /no (?:free |more )?(?:ip )?address(?:es)?(?: (?:is|are))? (?:available|left)|no available (?:ip|address)|no more (?:ips|addresses)|no free ip|exhausted|pool .*(?:is full|empty)/i;

/**
 * The error of a network that has no address left, where stopped containers keep some: says how many, and which has been stopped the
 * longest. Any other error as it is.
 */
export function explainUsedUp(
  { store }: SandboxContext,
  record: SandboxRecord,
  error: unknown,
): unknown {
  if (!(error instanceof CniError) || !USED_UP.test(`${error.msg} ${error.details ?? ""}`)) {
    return error;
  }
  const networks = new Set(record.attachments.map(({ network }) => network));
  const network = error.network ?? [...networks].join(", ");
  const stopped = store
    .list()
    .flatMap((id) => {
      const ms = id === record.id ? undefined : store.stoppedFor(id);
      const other = ms === undefined ? undefined : store.read(id);
      if (ms === undefined || other === undefined || other === "unreadable") return [];
      const keeps = other.attachments.some(
        (each) => each.addresses.length > 0 && each.network === network,
      );
      return keeps && other.state !== "reserved"
        ? [{ name: other.name ?? id.slice(0, 12), ms }]
        : [];
    })
    .toSorted((a, b) => b.ms - a.ms);
  const [oldest] = stopped;
  if (oldest === undefined) return error;
  const many =
    stopped.length === 1
      ? `1 stopped container keeps an address of network ${network}: ${oldest.name}`
      : `${stopped.length} stopped containers keep addresses of network ${network}, ${oldest.name} the longest`;
  return new UserError("CNI_FAILED", `${error.message}; ${many}, stopped ${ago(oldest.ms)} ago`, {
    hint: `remove what is not needed: docker rm ${oldest.name}; or see keep and keep_for in cni.yaml`,
    cause: error,
  });
}

function ago(ms: number): string {
  const units: [number, string][] = [
    [86_400_000, "day"],
    [3_600_000, "hour"],
    [60_000, "minute"],
    [1000, "second"],
  ];
  const [unit, name] = units.find(([length]) => ms >= length) ?? [1000, "second"];
  const count = Math.floor(ms / unit);
  return `${count} ${name}${count === 1 ? "" : "s"}`;
}
