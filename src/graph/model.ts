/** Who is on which network, as nodes and the links between them. */
export interface Graph {
  nodes: GraphNode[];
  edges: GraphEdge[];
}

export type NodeKind = "host" | "interface" | "network" | "container";

export interface GraphNode {
  id: string;
  kind: NodeKind;
  /** What it is called; others' words, as all texts here. */
  label: string;
  /** Further lines of its box. */
  lines: string[];
  /** It does not run: shown in grey. */
  isStopped: boolean;
  /** All that is known of it, for who looks closer. */
  details: [key: string, value: string][];
}

export interface GraphEdge {
  from: string;
  to: string;
  /** The container's interface, or what the network does with the host's. */
  label: string;
}

/** The host itself. */
export interface HostFacts {
  name: string;
  addresses: string[];
}

export interface NetworkFacts {
  name: string;
  /** The types of its plugins. */
  plugins: string[];
  subnets: string[];
  /** The interfaces of the host that it is on: its bridge, its master. */
  hostInterfaces: { name: string; role: string }[];
}

export interface ContainerFacts {
  id: string;
  name: string | undefined;
  state: string;
  createdAt: string;
  attachments: {
    network: string;
    ifName: string;
    addresses: string[];
    mac: string | undefined;
    /** `8080->80/tcp` each. */
    ports: string[];
  }[];
}

/** The graph of a host: what it has, what is on it, and what is on that. */
export function graphOf(
  host: HostFacts,
  networks: readonly NetworkFacts[],
  containers: readonly ContainerFacts[],
): Graph {
  const interfaces = interfacesOf(networks);
  const all = [...networks, ...unknownNetworks(networks, containers)];
  return {
    nodes: [
      hostNode(host, containers),
      ...[...interfaces].map(([name, roles]) => interfaceNode(name, roles)),
      ...all.map((network) => networkNode(network, containers)),
      ...containers.map(containerNode),
    ],
    edges: [
      ...[...interfaces.keys()].map((name) => ({ from: HOST, to: `interface:${name}`, label: "" })),
      ...all.flatMap(networkEdges),
      ...containers.flatMap(containerEdges),
    ],
  };
}

const HOST = "host";

/** The host's interfaces that networks are on, with what each is for them. */
function interfacesOf(networks: readonly NetworkFacts[]): Map<string, string[]> {
  const roles = new Map<string, string[]>();
  for (const { name: network, hostInterfaces } of networks) {
    for (const { name, role } of hostInterfaces) {
      roles.set(name, [...(roles.get(name) ?? []), `${role} of ${network}`]);
    }
  }
  return roles;
}

/** Those that containers are on and of which there is no file any more. */
function unknownNetworks(
  networks: readonly NetworkFacts[],
  containers: readonly ContainerFacts[],
): NetworkFacts[] {
  const known = new Set(networks.map(({ name }) => name));
  const used = containers.flatMap(({ attachments }) => attachments.map(({ network }) => network));
  return [...new Set(used)]
    .filter((name) => !known.has(name))
    .map((name) => ({ name, plugins: [], subnets: [], hostInterfaces: [] }));
}

function hostNode(
  { name, addresses }: HostFacts,
  containers: readonly ContainerFacts[],
): GraphNode {
  const ports = containers
    .filter(({ state }) => state === "running")
    .flatMap((container) =>
      portsOf(container).map((port): [string, string] => [
        "Published",
        `${port} of ${labelOf(container)}`,
      ]),
    );
  return {
    id: HOST,
    kind: "host",
    label: name,
    lines: addresses.slice(0, 2),
    isStopped: false,
    details: [...addresses.map((address): [string, string] => ["Address", address]), ...ports],
  };
}

function interfaceNode(name: string, roles: readonly string[]): GraphNode {
  const details = roles.map((role): [string, string] => ["Is", role]);
  return {
    id: `interface:${name}`,
    kind: "interface",
    label: name,
    lines: [],
    isStopped: false,
    details,
  };
}

function networkNode(
  { name, plugins, subnets }: NetworkFacts,
  containers: readonly ContainerFacts[],
): GraphNode {
  const count = containers.filter(({ attachments }) =>
    attachments.some(({ network }) => network === name),
  ).length;
  return {
    id: `network:${name}`,
    kind: "network",
    label: name,
    lines: subnets.slice(0, 2),
    isStopped: false,
    details: [
      ["Plugins", plugins.join(", ") || "there is no file of it any more"],
      ...subnets.map((subnet): [string, string] => ["Subnet", subnet]),
      ["Containers", String(count)],
    ],
  };
}

function containerNode(container: ContainerFacts): GraphNode {
  const { id, state, createdAt, attachments } = container;
  const ports = portsOf(container);
  return {
    id: `container:${id}`,
    kind: "container",
    label: labelOf(container),
    lines: [
      ...attachments.map(({ ifName, addresses }) => `${ifName} ${addresses[0] ?? ""}`.trim()),
      ...(ports.length > 2 ? [`${ports.length} ports`] : ports),
    ],
    isStopped: state !== "running",
    details: [
      ["Id", id],
      ["State", state],
      ["Created", createdAt],
      ...attachments.flatMap(attachmentDetails),
      ...ports.map((port): [string, string] => ["Published", port]),
    ],
  };
}

function attachmentDetails({
  network,
  ifName,
  addresses,
  mac,
}: ContainerFacts["attachments"][number]): [string, string][] {
  const details: [string, string][] = [["Network", `${network}, ${ifName}`]];
  for (const address of addresses) details.push(["Address", address]);
  if (mac !== undefined) details.push(["MAC", mac]);
  return details;
}

function networkEdges({ name, hostInterfaces }: NetworkFacts): GraphEdge[] {
  const to = `network:${name}`;
  return hostInterfaces.length === 0
    ? [{ from: HOST, to, label: "" }]
    : hostInterfaces.map((each) => ({ from: `interface:${each.name}`, to, label: each.role }));
}

function containerEdges({ id, attachments }: ContainerFacts): GraphEdge[] {
  return attachments.map(({ network, ifName }) => ({
    from: `network:${network}`,
    to: `container:${id}`,
    label: ifName,
  }));
}

/** A port of a container on several networks is published on each. */
function portsOf({ attachments }: ContainerFacts): string[] {
  return [...new Set(attachments.flatMap(({ ports }) => ports))];
}

function labelOf({ name, id }: ContainerFacts): string {
  return name ?? id.slice(0, 12);
}
