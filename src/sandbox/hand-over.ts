import { parseNetworkList } from "../cni/index.ts";
import { macOfAddress } from "../request/runtime-conf.ts";
import { UserError } from "../lib/errors.ts";
import type { SandboxContext } from "./context.ts";
import { withSharedHostLock } from "./host-lock.ts";
import { assessNow, runsNow } from "../state/facts.ts";
import type { AttachmentRecord, SandboxRecord } from "../state/record.ts";
import { transition } from "../state/transitions.ts";
import { detach } from "./release.ts";
import { addressOf, askedIps } from "./require-asked.ts";

/** How long an operation on a stopped container is waited for, ms. Whoever waits here holds a lock of its own. */
const WAIT_MS = 2000;

/**
 * Takes the addresses that a container asks for by name from those that are stopped and keep them: each loses the attachment that
 * has the address, keeps its others, and learns at its next start who has it. What nobody asks for by name stays kept.
 */
async function takeFromStopped(context: SandboxContext, record: SandboxRecord): Promise<void> {
  const wanted = record.attachments.flatMap(({ network, list, ...rest }) =>
    askedIps(parseNetworkList(list), { network, list, ...rest }).map((ip) => key(network, ip)),
  );
  if (wanted.length === 0) return;
  for (const id of context.store.list()) {
    if (id !== record.id) await takeFrom(context, { id, taker: record, wanted: new Set(wanted) });
  }
}

interface Taking {
  id: string;
  taker: SandboxRecord;
  /** `network address` */
  wanted: ReadonlySet<string>;
}

async function takeFrom(context: SandboxContext, { id, taker, wanted }: Taking): Promise<void> {
  if (stoppedHolder(context, id, wanted) === undefined) return;
  const { locker, store, log } = context;
  const lock = await locker.lock(store.pathOf(id), "exclusive", WAIT_MS);
  if (lock === undefined) return;
  try {
    const holder = stoppedHolder(context, id, wanted);
    if (holder === undefined) return;
    const isTaken = ({ network, addresses }: AttachmentRecord): boolean =>
      addresses.some((address) => wanted.has(key(network, address)));
    const attachments = holder.attachments.filter(isTaken).map((each) => Object.assign({}, each));
    for (const each of holder.attachments.filter(isTaken)) giveUp(each, { taker, wanted });
    transition(store, holder, "handingOver");
    const what = holder.attachments.flatMap(({ lost = [] }) => lost.map(({ address }) => address));
    const fields = { container: id, step: "hand over" };
    log.info(fields, `${what.join(", ")}: asked for by container ${taker.name ?? taker.id}`);
    await withSharedHostLock(context, () => detach(context, { ...holder, attachments })).catch(
      (error: unknown) => log.error({ ...fields, err: error }, "DEL failed"),
    );
    // What else the attachment had is held by no plugin now, and is not to be given to others.
    store.markUnreserved(id, true);
  } finally {
    lock.release();
  }
}

/** The record of `id` where its container is there, does not run, and has one of the addresses. */
function stoppedHolder(
  context: SandboxContext,
  id: string,
  wanted: ReadonlySet<string>,
): SandboxRecord | undefined {
  const { store } = context;
  const record = store.read(id);
  if (record === undefined || record === "unreadable" || record.state === "removing")
    return undefined;
  const has = record.attachments.some(({ network, addresses }) =>
    addresses.some((address) => wanted.has(key(network, address))),
  );
  if (!has || runsNow(store, record)) return undefined;
  if (assessNow(context, record).life === "reserved") throw reservedFor(record);
  return record;
}

/** What is reserved for a name goes to no other container. */
function reservedFor({ reserve = "", attachments }: SandboxRecord): UserError {
  const addresses = attachments.flatMap((each) => each.addresses).map(addressOf);
  return new UserError(
    "CNI_FAILED",
    `the address that is asked for is reserved for ${reserve} (${addresses.join(", ")})`,
    { hint: `ask for another one, or give that up: docker cni release ${reserve}` },
  );
}

/** A MAC that belongs to the address goes with it. */
function giveUp(
  attachment: AttachmentRecord,
  { taker, wanted }: Pick<Taking, "taker" | "wanted">,
): void {
  const { network, addresses, mac } = attachment;
  const taken = addresses.filter((address) => wanted.has(key(network, address)));
  attachment.addresses = addresses.filter((address) => !taken.includes(address));
  attachment.lost = [
    ...(attachment.lost ?? []),
    ...taken.map((address) => ({ address, by: taker.id })),
  ];
  const asked = taker.attachments.map((each) => each.mac ?? each.capabilityArgs["mac"]);
  const own = taken.map((address) => macOfAddress(addressOf(address)));
  if (mac !== undefined && [...asked, ...own].includes(mac)) delete attachment.mac;
}

/**
 * Before a network is built: takes what its container asks for by name from those that are stopped. An address that was taken is asked for again where who took it has it no longer. Throws where
 * it was asked for by name and is another's, who runs; one that nobody asked for by name is done without, which is logged.
 */
export async function settleLost(context: SandboxContext, record: SandboxRecord): Promise<void> {
  await takeFromStopped(context, record);
  for (const attachment of record.attachments) {
    const { network, lost = [], list } = attachment;
    const asked = new Set(askedIps(parseNetworkList(list), attachment).map(addressOf));
    for (const { address, by } of lost) {
      const owner = ownerOf(context, by, key(network, address));
      if (owner === undefined) {
        attachment.addresses = [...new Set([...attachment.addresses, address])];
      } else if (asked.has(addressOf(address))) {
        throw takenOver(network, address, owner);
      } else {
        const fields = { container: record.id, network, step: "hand over" };
        context.log.warn(fields, `${address} is container ${owner}'s now, which asked for it`);
      }
    }
    delete attachment.lost;
  }
}

/** The name of the container that took an address, while it has it. */
function ownerOf({ store }: SandboxContext, id: string, wanted: string): string | undefined {
  const record = store.read(id);
  if (record === undefined || record === "unreadable") return undefined;
  const has = record.attachments.some(({ network, addresses }) =>
    addresses.some((address) => key(network, address) === wanted),
  );
  return has ? (record.name ?? id.slice(0, 12)) : undefined;
}

function takenOver(network: string, address: string, owner: string): UserError {
  return new UserError(
    "CNI_FAILED",
    `network ${network}: the address ${addressOf(address)} is container ${owner}'s, which asked for it while this one was stopped`,
    { hint: `stop ${owner} and start this one again, or give it another address` },
  );
}

function key(network: string, address: string): string {
  return `${network} ${addressOf(address)}`;
}
