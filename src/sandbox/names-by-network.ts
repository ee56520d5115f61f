import { namesBy, type NamesBy } from "../lib/network-mark.ts";
import type { NetworkMember } from "../names/hosts-file.ts";
import { serverFiles } from "../names/server-files.ts";
import type { Member } from "../state/member-index.ts";
import type { SandboxContext } from "./context.ts";
import { serve } from "./name-server.ts";

type Names = Pick<SandboxContext, "names">;

/** How containers on a network find each other by name: as its file says, or else the configuration. */
export function namesOn(
  { names }: Names,
  { list }: Pick<Member["attachments"][number], "list">,
): NamesBy {
  return (list === undefined ? undefined : namesBy(list)) ?? names;
}

/** The networks whose others the container's hosts file tells of. */
export function toldByHosts(context: Names, { attachments, dns = {} }: Member): string[] {
  return attachments
    .filter((each) => namesOn(context, each) !== "off" && dns[each.network] === undefined)
    .map(({ network }) => network);
}

/** Whether the container's hosts file is not to be touched: all of its networks say so. */
export function isLeftAlone(context: Names, { attachments }: Member): boolean {
  return attachments.length > 0 && attachments.every((each) => namesOn(context, each) === "off");
}

/** Tells the name server of all containers on the networks that somebody asks it for; without any it ends. */
export async function serveNames(
  { dnsDir, log }: SandboxContext,
  present: readonly Member[],
  members: readonly NetworkMember[],
): Promise<void> {
  const served = members.map((member, place) => ({ ...member, dns: present[place]?.dns ?? {} }));
  try {
    await serve(dnsDir, serverFiles(served));
  } catch (error) {
    log.warn({ step: "hosts", err: error }, "the name server could not be told");
  }
}
