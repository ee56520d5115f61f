import { shortId } from "../lib/short-id.ts";
import { Command } from "commander";
import type { AttachmentRecord } from "../state/record.ts";
import type { Retry } from "../state/marks.ts";
import { type SandboxView, viewSandboxes } from "../sandbox/view.ts";
import type { OperatorCall } from "./cli.ts";
import { formatAge, NOTHING, table } from "./table.ts";

/** `ls`: the networks of all containers, a line for each interface. */
export function lsCommand({ sandbox, print }: OperatorCall): Command {
  return new Command("ls")
    .option("--json", "print an array of objects, one a container")
    .action(async ({ json }: { json?: boolean }) => {
      const views = await viewSandboxes(sandbox);
      if (json) print(JSON.stringify(views.map(asJson), null, 2));
      else print(...table([HEADING, ...views.flatMap((view) => rowsOf(view))]), ...notes(views));
    });
}

const HEADING = "CONTAINER ID NETWORK INTERFACE ADDRESS MAC PORTS STATE AGE".split(" ");

interface ContainerJson {
  id: string;
  name: string | null;
  state: SandboxView["state"];
  keep: boolean;
  /** ISO 8601. */
  createdAt: string;
  networks: NetworkJson[];
  /** Of a removal that failed; `nextAt` is ISO 8601. */
  failure?: Omit<Retry, "nextAt"> & { nextAt: string };
}

interface NetworkJson {
  network: string;
  interface: string;
  /** `address/length` each. */
  addresses: string[];
  /** Those before the network was built again, where they were others; else null. */
  formerAddresses: string[] | null;
  mac: string | null;
  ports: Port[];
}

/** A container as `ls --json` and `inspect --json` tell of it. */
export function asJson(view: SandboxView): ContainerJson {
  const { id, name, state, record, retry } = view;
  return {
    id,
    name: name ?? null,
    state,
    keep: record.keep,
    createdAt: record.createdAt,
    networks: record.attachments.map(networkJson),
    ...(retry && { failure: { ...retry, nextAt: new Date(retry.nextAt).toISOString() } }),
  };
}

function rowsOf({ id, name, state, record, retry }: SandboxView): string[][] {
  const age = formatAge(Date.now() - Date.parse(record.createdAt));
  const label = retry === undefined ? state : `${state} (failed)`;
  return record.attachments.map((attachment) => [
    name ?? NOTHING,
    shortId(id),
    attachment.network,
    attachment.ifName,
    formatAddresses(attachment),
    attachment.mac ?? NOTHING,
    portMappings(attachment).map(formatPort).join(",") || NOTHING,
    label,
    age,
  ]);
}

/** A network of a container as `ls --json` and `inspect --json` tell of it. */
export function networkJson(attachment: AttachmentRecord): NetworkJson {
  return {
    network: attachment.network,
    interface: attachment.ifName,
    addresses: attachment.addresses,
    formerAddresses: attachment.formerAddresses ?? null,
    mac: attachment.mac ?? null,
    ports: portMappings(attachment),
  };
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

interface Port {
  hostPort: number;
  containerPort: number;
  protocol?: string;
  hostIP?: string;
}

function portMappings({ capabilityArgs }: AttachmentRecord): Port[] {
  const mappings = capabilityArgs["portMappings"];
  return Array.isArray(mappings) ? mappings : [];
}

/** A published port: `127.0.0.1:8080->80/tcp`. */
export function formatPort({ hostIP, hostPort, containerPort, protocol = "tcp" }: Port): string {
  return `${hostIP ? `${hostIP}:` : ""}${hostPort}->${containerPort}/${protocol}`;
}
