import { isJsonObject } from "../lib/fields.ts";
import { textOf } from "../lib/texts.ts";
import { isRouted } from "./fabrics.ts";
import { broken, command, type Finding } from "./finding.ts";
import { runJson } from "./host.ts";
import type { Subject } from "./subject.ts";

/**
 * Whether another host announces the address of a container of this one: a container that was started there while this host was
 * away. Each of the two hosts prefers its own.
 */
export async function addressElsewhere({
  host,
  networks,
  sandboxes,
}: Pick<Subject, "host" | "networks" | "sandboxes">): Promise<Finding[]> {
  const routed = new Set((await networks()).filter(isRouted).map(({ name }) => name));
  if (routed.size === 0) return [];
  const ways = new Map<string, string>();
  for (const protocol of ["bird", "bgp"]) {
    const routes = await runJson(host, ["ip", "-json", "route", "show", "proto", protocol]);
    for (const route of Array.isArray(routes) ? routes.filter(isJsonObject) : []) {
      // A single address, which ip(8) shows without a length.
      const address = textOf(route["dst"]);
      if (!address.includes("/")) ways.set(address, textOf(route["gateway"]));
    }
  }
  return (await sandboxes()).flatMap(({ id, record }) =>
    record.attachments
      .filter(({ network }) => routed.has(network))
      .flatMap(({ addresses }) => addresses)
      .flatMap((each): Finding[] => {
        const address = each.split("/")[0] ?? each;
        const gateway = ways.get(address);
        if (gateway === undefined) return [];
        const detail = `${gateway} announces it too: its container has moved there, and both hosts now send to their own`;
        return [broken(`address elsewhere: ${address}`, detail, command("docker", "rm", "-f", id))];
      }),
  );
}
