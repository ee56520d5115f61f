import type { NetnsManager } from "../netns/netns.ts";
import { assess, type Assessment, type Facts } from "./assess.ts";
import type { SandboxRecord } from "./record.ts";

/** Where it is seen whether a namespace is still there. */
export interface NetnsSource {
  netns: Pick<NetnsManager, "isAlive">;
  /** This boot's id. */
  bootId: string;
}

/** What there is to come back to of the network of `record`, whatever its container does. */
export function networkNow(source: NetnsSource, record: SandboxRecord): Assessment["network"] {
  const netns = netnsFact(source, record);
  return assess(record, {}, { container: "there", process: "unread", netns }).network;
}

/** Looks for the namespace of the attachments: a namespace does not outlive a boot. */
export function netnsFact({ netns, bootId }: NetnsSource, record: SandboxRecord): Facts["netns"] {
  return record.bootId === bootId && netns.isAlive(record.netns) ? "there" : "lost";
}
