import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { containerAddresses, type NetworkList } from "../cni/index.ts";
import type { PortRequest } from "../ports/ports.ts";
import { parseRequest } from "../request/request.ts";
import { pluginEnvironment } from "../runtime/environment.ts";
import { requirePlugins } from "../runtime/facts.ts";
import { planAttachments } from "../runtime/new-record.ts";
import { type AllottedPorts, withAllottedPorts } from "../sandbox/allot-ports.ts";
import { attachNew, lockSandbox } from "../sandbox/life.ts";
import { publishNames } from "../sandbox/publish-names.ts";
import { release } from "../sandbox/release.ts";
import type { Lock } from "../state/lock.ts";
import type { AttachmentRecord, SandboxRecord } from "../state/record.ts";
import { transition } from "../state/transitions.ts";
import { openAgent } from "./agent.ts";
import type { Scratch } from "./scratch.ts";
import { TEST_PREFIX } from "./names.ts";
import type { Sockets } from "./sockets.ts";

/** A namespace of the test's own that stands for a container. */
export interface Peer {
  record: SandboxRecord;
  lock: Lock;
  /** Servers and clients in its namespace. */
  sockets: Sockets;
  /** The address of each family that ADD gave, without a length. */
  addresses: { 4?: string; 6?: string };
  gateways: string[];
  /** Whether ADD gave routes; without one nothing goes by way of the gateways. */
  hasRoutes: boolean;
  /** The file that a container would have as /etc/hosts. */
  hosts: string;
}

export interface PeerOptions {
  /** Without one the namespace is on no network. */
  list?: NetworkList;
  ports?: readonly PortRequest[];
  /** The command of an agent. */
  agent: readonly string[];
  /** Told before the first effect, so that whatever fails can be undone. */
  onRecord: (peer: Peer) => void;
}

/** Makes a namespace and attaches it as `create` would attach a container. Throws the network's error; `onRecord` has the peer then. */
export async function addPeer(scratch: Scratch, options: PeerOptions): Promise<Peer> {
  const { list, ports = [], onRecord } = options;
  const id = `${TEST_PREFIX}${scratch.run}-${(scratch.peers += 1)}`;
  const lock = await lockSandbox(scratch, id);
  try {
    const peer = await write(scratch, { id, lock, list, ports, agent: options.agent });
    onRecord(peer);
    await scratch.netns.add(peer.record.netns);
    if (list !== undefined) await attach(scratch, peer, list);
    return peer;
  } catch (error) {
    // Nothing came of it, and nobody was told of it.
    if (scratch.store.read(id) === undefined) {
      scratch.store.remove(id);
      lock.release();
    }
    throw error;
  }
}

/** Undoes it. What cannot be undone stays on record for gc; the error is thrown. */
export async function removePeer(scratch: Scratch, { record, lock, sockets }: Peer): Promise<void> {
  try {
    await sockets.close();
    await release(scratch, record);
  } finally {
    lock.release();
  }
}

/** Learns what the last ADD gave. */
export function readPeer(scratch: Scratch, peer: Peer, list: NetworkList): void {
  const { record } = peer;
  const [attachment] = record.attachments;
  const ifName = attachment?.ifName ?? "";
  const result = scratch.cni.cachedResult(list, { containerId: record.id, ifName });
  const told = result && containerAddresses(result, ifName);
  const addresses = (attachment?.addresses ?? []).map((address) => address.replace(/\/.*/, ""));
  const [four, six] = [false, true].map((isSix) =>
    addresses.find((address) => address.includes(":") === isSix),
  );
  peer.gateways = told?.gateways ?? [];
  peer.hasRoutes = (told?.routes ?? []).length > 0;
  peer.addresses = { ...(four && { 4: four }), ...(six && { 6: six }) };
}

interface WriteOptions {
  id: string;
  lock: Lock;
  list: NetworkList | undefined;
  ports: readonly PortRequest[];
  agent: readonly string[];
}

async function write(scratch: Scratch, options: WriteOptions): Promise<Peer> {
  const { id, lock, list, ports, agent } = options;
  const { store, bootId, env } = scratch;
  const hosts = join(store.pathOf(id), "hosts");
  const use = (attachments: AttachmentRecord[]): Peer => {
    const record: SandboxRecord = {
      version: 1,
      id,
      state: "creating",
      netns: id,
      bootId,
      createdAt: new Date().toISOString(),
      keep: false,
      // No low-level runtime has it.
      runtimeDir: join(store.pathOf(id), "no-runtime"),
      name: id,
      names: [id],
      files: { hosts },
      environment: pluginEnvironment(env),
      attachments,
    };
    store.write(record);
    writeFileSync(hosts, "127.0.0.1\tlocalhost\n", { mode: 0o600 });
    return {
      record,
      lock,
      sockets: openLater(id, agent),
      addresses: {},
      gateways: [],
      hasRoutes: false,
      hosts,
    };
  };
  if (list === undefined) return use([]);
  const plan = (allotted: AllottedPorts): AttachmentRecord[] =>
    planned(scratch, { id, list, ports, allotted });
  const none = { all: [], byNetwork: [], chosen: [] };
  if (ports.length === 0) return use(plan(none));
  return withAllottedPorts(
    scratch.containers,
    id,
    { ports: [...ports], networks: [] },
    (allotted) => use(plan(allotted)),
  );
}

function planned(
  { config }: Scratch,
  options: {
    id: string;
    list: NetworkList;
    ports: readonly PortRequest[];
    allotted: AllottedPorts;
  },
): AttachmentRecord[] {
  const { id, list, ports, allotted } = options;
  const request = parseRequest({
    annotations: {},
    labels: { "cni.networks": list.name },
    ifName: config.ifName,
    ports,
  });
  requirePlugins([list], config.cniBinDirs);
  const what = {
    networkRequest: { ...request, labels: {} },
    lists: [list],
    docker: undefined,
    workload: { id, name: id, labels: {} },
    workloadArgs: config.workloadArgs,
  };
  return planAttachments(what, allotted);
}

async function attach(scratch: Scratch, peer: Peer, list: NetworkList): Promise<void> {
  const { record } = peer;
  await attachNew(scratch, record);
  transition(scratch.store, record, "attached");
  await publishNames(scratch, record);
  readPeer(scratch, peer, list);
}

/** The process is started at the first question: the namespace is not there yet. After `close` another one is started. */
function openLater(netns: string, agent: readonly string[]): Sockets {
  let opened: Sockets | undefined;
  const sockets = (): Sockets => (opened ??= openAgent(netns, agent));
  return {
    serve: (at) => sockets().serve(at),
    call: (call) => sockets().call(call),
    fragments: () => sockets().fragments(),
    close: async () => {
      const last = opened;
      opened = undefined;
      await last?.close();
    },
  };
}
