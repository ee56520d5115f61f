import { shortId } from "../lib/short-id.ts";
import type { AttachmentRecord } from "../state/record.ts";
import type { SandboxView } from "../sandbox/view.ts";
import { asJson, formatPort, portsOf } from "./container-json.ts";
import { formatRows } from "./format-rows.ts";
import { formatAge, NOTHING, table } from "./table.ts";
import { style } from "./terminal.ts";

const HEADING = "CONTAINER ID NETWORK ADDRESS PORTS STATE AGE".split(" ");
const WHOLE_HEADING = "CONTAINER ID NETWORK INTERFACE ADDRESS MAC PORTS STATE AGE".split(" ");
/** The longest of what is cut off unless all is wanted. */
const LONGEST = { name: 20, ports: 22 };

/** A line for each interface, and what could not be undone. With `trunc` ids, long names and many ports are cut off. */
export function describeViews(views: readonly SandboxView[], trunc = true): string[] {
  const rows = views.flatMap((view) => rowsOf(view, trunc));
  return [...table([trunc ? HEADING : WHOLE_HEADING, ...rows]), ...notes(views)];
}

/** The ids alone. */
export function idsOf(views: readonly SandboxView[], trunc: boolean): string[] {
  return views.map(({ id }) => (trunc ? shortId(id) : id));
}

/**
 * A line for each container by Docker's `--format`: the members of `--json`, and beside them `Networks`, `Interfaces`, `Addresses`,
 * `MACs`, `Ports` (lists of words) and `Age`. `table TEMPLATE` puts the names of the members above. Throws BAD_ARGS.
 */
export function formatViews(
  template: string,
  trunc: boolean,
): (views: readonly SandboxView[]) => string[] {
  return formatRows<SandboxView>(template, { json: asJson, words: (view) => words(view, trunc) });
}

/** What a template finds in a container. */
function words(view: SandboxView, trunc: boolean): Record<string, unknown> {
  const { id, record } = view;
  const { attachments } = record;
  return {
    ...asJson(view),
    id: trunc ? shortId(id) : id,
    networks: attachments.map(({ network }) => network),
    interfaces: attachments.map(({ ifName }) => ifName),
    addresses: attachments.flatMap(({ addresses }) => addresses),
    macs: attachments.flatMap(({ mac }) => mac ?? []),
    ports: [...new Set(attachments.flatMap((each) => portsOf(each).map(formatPort)))],
    age: ageOf(view),
  };
}

function rowsOf(view: SandboxView, trunc: boolean): string[][] {
  const { id, name, state, record, retry } = view;
  const label = retry === undefined ? state : `${state} (failed)`;
  const shown = (text: string, longest: number): string =>
    trunc && text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
  if (record.attachments.length === 0) {
    // All of its networks were disconnected.
    const none = Array.from({ length: trunc ? 3 : 5 }, () => NOTHING);
    const of = [shown(name ?? NOTHING, LONGEST.name), trunc ? shortId(id) : id];
    return [of.concat(none, coloured(label), ageOf(view))];
  }
  return record.attachments.map((attachment) => {
    const { network, ifName, mac = NOTHING } = attachment;
    const of = [shown(name ?? NOTHING, LONGEST.name), trunc ? shortId(id) : id, network];
    const addresses = formatAddresses(attachment);
    const ports = portsOf(attachment).map(formatPort).join(",") || NOTHING;
    const what = trunc ? [addresses] : [ifName, addresses, mac];
    return of.concat(what, shown(ports, LONGEST.ports), coloured(label), ageOf(view));
  });
}

function coloured(label: string): string {
  if (label === "running") return style(label, "green");
  if (label === "kept") return style(label, "dim");
  return style(label, label.endsWith("(failed)") ? "red" : "yellow");
}

function ageOf({ record }: SandboxView): string {
  return formatAge(Date.now() - Date.parse(record.createdAt));
}

/** What could not be undone, and the way out. */
function notes(views: readonly SandboxView[]): string[] {
  return views.flatMap(({ id, retry }) =>
    retry === undefined
      ? []
      : [
          "",
          `${shortId(id)} could not be undone (${retry.attempts} times): ${retry.error}`,
          `  if this cannot be fixed, give it up with: docker-cni gc --forget ${shortId(id)}`,
        ],
  );
}

function formatAddresses({ addresses, formerAddresses }: AttachmentRecord): string {
  const former = formerAddresses === undefined ? "" : ` (was ${formerAddresses.join(",")})`;
  return (addresses.join(",") || NOTHING) + former;
}
