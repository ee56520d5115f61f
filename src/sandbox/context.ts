import type { Cni } from "../cni/index.ts";
import type { NamesBy } from "../lib/network-mark.ts";
import type { Logger } from "../lib/log.ts";
import type { NetnsManager } from "../netns/netns.ts";
import type { FirstUse } from "../state/first-use.ts";
import type { Locker } from "../state/lock.ts";
import type { OrphanProcesses } from "./orphan-processes.ts";
import type { AttachmentRecord } from "../state/record.ts";
import type { SandboxStore } from "../state/store.ts";

/** The effects that a sandbox's life needs, chosen once in main. */
export interface SandboxContext {
  store: SandboxStore;
  locker: Locker;
  netns: NetnsManager;
  cni: Cni;
  log: Logger;
  /** This boot's id (/proc/sys/kernel/random/boot_id). */
  bootId: string;
  /** How long the host has been up, ms. */
  uptimeMs: () => number;
  /** How long to wait for another operation on the same container, ms. */
  lockTimeoutMs: number;
  /** How long after its stop a container keeps its network, ms; undefined: until it is removed. */
  keepForMs: number | undefined;
  /** How long after its stop a container's namespace is given up until its start, ms; undefined: only where there is no room. */
  parkAfterMs: number | undefined;
  /** How long a network waits for the next container of its name, ms; undefined: until it is released. */
  reserveForMs: number | undefined;
  /** How containers find each other by name, where their network's file does not say. */
  names: NamesBy;
  /** Where the files of the name server are; it is there while the server is needed. */
  dnsDir: string;
  firstUse: FirstUse;
  orphans: OrphanProcesses;
  /** Ends and removes a container of the low-level runtime by its folder there. */
  deleteContainer: (runtimeDir: string) => Promise<void>;
  /** The networks that are configured now, as attachments: what is undone of a sandbox of which nothing is known. */
  configured: () => Promise<AttachmentRecord[]>;
}
