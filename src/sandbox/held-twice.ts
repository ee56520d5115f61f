import { asTakenPorts, findSocketHolder, readListeners } from "../ports/listeners.ts";
import { findPortConflict } from "../ports/port-conflict.ts";
import { publishedPorts, type SandboxRecord } from "../state/record.ts";

/**
 * What a process of the host, such as docker-proxy of a container on a network of Docker's own, has of the published ports: it was
 * not refused, because nothing listens on them. To build the network again is no remedy.
 */
export function heldTwice(record: SandboxRecord): string | undefined {
  const conflict = findPortConflict(publishedPorts(record), asTakenPorts(readListeners()));
  if (conflict === undefined) return undefined;
  const { wanted, taken } = conflict;
  const holder = findSocketHolder(taken.inode) ?? taken.holder;
  return `port ${wanted.hostPort}/${wanted.protocol} of the host is published, and ${holder} listens on it too: which of them is reached depends on the address; stop one of them`;
}
