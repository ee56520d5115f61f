import { ifThere } from "../lib/errors.ts";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AttachmentRecord } from "./record.ts";

import type { SandboxStore } from "./store.ts";

/**
 * Whether a network was used in this boot. The first use of a network makes what all its attachments share (a bridge,
 * iptables chains), and plugins get into each other's way when several do that at once.
 */
export interface FirstUse {
  hasHappened(attachments: readonly AttachmentRecord[]): boolean;
  /** Notes that the attachments were made. */
  note(attachments: readonly AttachmentRecord[]): void;
}

/** Keeps a file a network in `<state folder>/networks` that holds the id of the boot in which it was used. */
export function fileFirstUse(store: SandboxStore, bootId: string): FirstUse {
  const fileOf = (attachment: AttachmentRecord): string =>
    join(store.sharedDir("networks"), keyOf(attachment));
  return {
    hasHappened: (attachments) =>
      attachments.every(
        (attachment) =>
          readIfThere(fileOf(attachment)) === bootId && bridgesOf(attachment).every(isLink),
      ),
    note(attachments) {
      for (const attachment of attachments) {
        const file = fileOf(attachment);
        if (readIfThere(file) !== bootId) writeFileSync(file, bootId, { mode: 0o600 });
      }
    },
  };
}

/** What a plugin sets up depends on what it is asked for too: portmap makes its chains with the first published port. */
function keyOf({ network, capabilityArgs }: AttachmentRecord): string {
  const asked = Object.entries(capabilityArgs)
    .filter(([, value]) => !Array.isArray(value) || value.length > 0)
    .map(([capability]) => capability)
    .toSorted();
  return [network, ...asked].join("~");
}

/** The bridges that the network's plugins name; somebody may have deleted them since. */
function bridgesOf({ list }: AttachmentRecord): string[] {
  return [...list.matchAll(/"bridge"\s*:\s*"([^"/\\]{1,15})"/g)].flatMap(([, name]) => name ?? []);
}

function isLink(name: string): boolean {
  return existsSync(`/sys/class/net/${name}`);
}

function readIfThere(file: string): string | undefined {
  return ifThere(() => readFileSync(file, "utf8"));
}
