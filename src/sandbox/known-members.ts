import { UserError } from "../lib/errors.ts";
import {
  type Member,
  type MemberIndex,
  readMemberIndex,
  stampsOf,
  writeMemberIndex,
} from "../state/member-index.ts";
import type { SandboxRecord } from "../state/record.ts";
import type { SandboxContext } from "./context.ts";

/** Reads from its record, and the engine's files, what is to be known of a sandbox; undefined where that is nothing. */
export type ReadMember = (id: string) => Promise<SandboxRecord | undefined>;

/**
 * The members among the sandboxes `ids`, of which only those are read anew that have changed since they were looked up last: beside
 * hundreds of containers a start reads a record or two. The caller holds the lock of the hosts files.
 */
export async function knownMembers(
  { store, log }: SandboxContext,
  ids: readonly string[],
  read: ReadMember,
): Promise<Member[]> {
  const known = readMemberIndex(store);
  const next: MemberIndex = {};
  const members: Member[] = [];
  let isChanged = false;
  for (const id of ids) {
    if (store.stoppedAt(id) !== undefined) continue;
    const before = known[id];
    const stamps = before && stampsOf(store, id, before.containerDir);
    if (before !== undefined && stamps === before.stamps) {
      next[id] = before;
      if (before.member !== undefined) members.push(before.member);
      continue;
    }
    isChanged = true;
    // Before it is read: what changes meanwhile is seen the next time.
    const containerDir = store.links(id).containerDir;
    const stampsNow = stampsOf(store, id, containerDir);
    const record = await read(id);
    const member = record && memberOf(record);
    if (member !== undefined) members.push(member);
    if (stampsNow === undefined) continue;
    next[id] = {
      stamps: stampsNow,
      ...(containerDir && { containerDir }),
      ...(member && { member }),
    };
  }
  if (isChanged || Object.keys(next).length !== Object.keys(known).length) {
    try {
      writeMemberIndex(store, next);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      log.warn({ step: "hosts", err: error }, "what was found cannot be noted");
    }
  }
  return members;
}

function memberOf(record: SandboxRecord): Member {
  const { id, createdAt, names, service, files, withoutIpv6, dns } = record;
  return {
    id,
    createdAt,
    ...(names && { names }),
    ...(service && { service }),
    ...(files && { files }),
    ...(withoutIpv6 && { withoutIpv6 }),
    ...(dns && { dns }),
    attachments: record.attachments.map(({ network, ifName, addresses, aliases, list }) => ({
      network,
      ifName,
      addresses,
      ...(aliases && { aliases }),
      ...(list.includes('"names"') && { list }),
    })),
  };
}
