import { readFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "../e2e/harness/config.ts";
import type { Fabric } from "./fabrics.ts";
import type { LabHost } from "./lab-host.ts";

/** A block of a page that is to be typed. */
export interface Block {
  /** The one host that it is for; undefined: all of them. */
  host: string | undefined;
  /** The one variant of the page that it is for; undefined: all of them. */
  variant: string | undefined;
  text: string;
}

export interface Page {
  /** The variables whose values differ between the hosts. */
  variables: readonly string[];
  blocks: readonly Block[];
}

/**
 * What a page of docs/networks tells to type: its blocks of `sh`, in their order. A block `sh a` is for the host a, one of
 * `sh frr` for the variant frr of the page, and one of `sh variables` has the values of the first host, a line each.
 */
function readPage(name: string): Page {
  return parsePage(readFileSync(join(REPOSITORY, "docs/networks", name), "utf8"));
}

export function parsePage(text: string): Page {
  const variables: string[] = [];
  const blocks: Block[] = [];
  for (const [, word, body = ""] of text.matchAll(/^```sh(?: (\w+))?\n(.*?)^```$/gms)) {
    if (word === "variables") {
      variables.push(...[...body.matchAll(/^(\w+)=/gm)].map(([, variable = ""]) => variable));
    } else if (word?.length === 1) blocks.push({ host: word, variant: undefined, text: body });
    else blocks.push({ host: undefined, variant: word, text: body });
  }
  return { variables, blocks };
}

/** The values of a host for the variables of a page. Throws for a variable that the laboratory does not know. */
function valuesOf(
  { variables }: Page,
  host: LabHost,
  hosts: readonly LabHost[],
): Record<string, string> {
  const known: Record<string, string> = {
    NUMBER: String(host.number),
    HOST_IP: host.address,
    DEVICE: "eth0",
    PEERS: hosts
      .filter((each) => each !== host)
      .map(({ address }) => address)
      .join(" "),
  };
  return Object.fromEntries(
    variables.map((name) => {
      const value = known[name];
      if (value === undefined) throw new Error(`the laboratory has no value for ${name}`);
      return [name, value];
    }),
  );
}

/** Does on the hosts what a fabric's page says, each block on all hosts that it is for before the next. */
export async function followPage(
  { page: name, variant }: Pick<Fabric, "page" | "variant">,
  hosts: readonly LabHost[],
): Promise<void> {
  const page = readPage(name);
  for (const block of page.blocks) {
    if (block.variant !== undefined && block.variant !== variant) continue;
    const meant = hosts.filter((host) => block.host === undefined || host.name === block.host);
    await Promise.all(meant.map((host) => host.sh(block.text, valuesOf(page, host, hosts))));
  }
}
