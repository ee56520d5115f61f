import type { AttachmentRecord } from "../state/record.ts";
import type { Retry } from "../state/marks.ts";
import type { SandboxView } from "../sandbox/view.ts";

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

/** A network of a container as `ls --json` and `inspect --json` tell of it. */
export function networkJson(attachment: AttachmentRecord): NetworkJson {
  return {
    network: attachment.network,
    interface: attachment.ifName,
    addresses: attachment.addresses,
    formerAddresses: attachment.formerAddresses ?? null,
    mac: attachment.mac ?? null,
    ports: portsOf(attachment),
  };
}

interface Port {
  hostPort: number;
  containerPort: number;
  protocol?: string;
  hostIP?: string;
}

/** The published ports of an attachment. */
export function portsOf({ capabilityArgs }: AttachmentRecord): Port[] {
  const mappings = capabilityArgs["portMappings"];
  return Array.isArray(mappings) ? mappings : [];
}

/** A published port: `127.0.0.1:8080->80/tcp`. */
export function formatPort({ hostIP, hostPort, containerPort, protocol = "tcp" }: Port): string {
  return `${hostIP ? `${hostIP}:` : ""}${hostPort}->${containerPort}/${protocol}`;
}
