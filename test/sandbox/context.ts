import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import type { CachedAttachment, CacheOptions, Cni, Result } from "../../src/cni/index.ts";
import { recordingLog } from "../../src/lib/log.ts";
import type { SandboxContext } from "../../src/sandbox/context.ts";
import { fileFirstUse } from "../../src/state/first-use.ts";
import { flockLocker } from "../../src/state/lock.ts";
import { watchedLocker } from "./lock-order.ts";
import type { AttachmentRecord, SandboxRecord } from "../../src/state/record.ts";
import { fileStore } from "../../src/state/store.ts";

/** A context over a temporary folder, with namespaces and plugins that only take notes. */
export interface Bench {
  dir: string;
  context: SandboxContext;
  /** What was done, in order. */
  events: string[];
  /** An event that is in here fails. */
  faults: Map<string, Error>;
  /** Names of the namespaces that are there. */
  namespaces: Set<string>;
  /** What the CNI cache holds. */
  cached: (CachedAttachment & { result?: Result })[];
  configured: AttachmentRecord[];
  /** What ADD gives, one after another: a result or an error; `RESULT` when there is none left. */
  results: (Result | Error)[];
}

const BOOT = "boot-1";

export const attachment: AttachmentRecord = {
  network: "lan",
  ifName: "eth0",
  list: JSON.stringify({
    cniVersion: "1.0.0",
    name: "lan",
    plugins: [{ type: "bridge", ipMasq: true }],
  }),
  cniArgs: [],
  capabilityArgs: {},
  addresses: ["10.9.0.2/24"],
};

export const PORT = { hostPort: 40_123, containerPort: 80, protocol: "tcp" } as const;

/** The attachment of a container that publishes `PORT`. */
export const publishing: AttachmentRecord = {
  ...attachment,
  list: JSON.stringify({
    cniVersion: "1.0.0",
    name: "lan",
    plugins: [{ type: "bridge" }, { type: "portmap", capabilities: { portMappings: true } }],
  }),
  capabilityArgs: { portMappings: [PORT] },
};

export const RESULT: Result = {
  cniVersion: "1.0.0",
  interfaces: [{ name: "eth0", mac: "02:00:00:00:00:01", sandbox: "/run/netns/c1" }],
  ips: [{ address: "10.9.0.2/24", interface: 0 }],
};

/** Gives each test of a file a bench of its own. */
export function useBench(): { current: Bench } {
  const holder: { current: Bench } = { current: makeBench("") };
  beforeEach(() => {
    holder.current = makeBench(mkdtempSync(join(tmpdir(), "docker-cni-sandbox-")));
  });
  afterEach(() => rmSync(holder.current.dir, { recursive: true, force: true }));
  return holder;
}

/** A record of a container c1 that is stopped and whose folder is `<dir>/containers/c1`. */
export function keptRecord({ dir }: Bench, more: Partial<SandboxRecord> = {}): SandboxRecord {
  return {
    version: 1,
    id: "c1",
    state: "attached",
    netns: "c1",
    bootId: BOOT,
    createdAt: "2026-01-01T00:00:00Z",
    keep: true,
    containerDir: join(dir, "containers/c1"),
    runtimeDir: join(dir, "runc/c1"),
    attachments: [{ ...attachment }],
    ...more,
  };
}

/** The folder of runc's for c1, with this process as the container's first; gives the folder. */
export function writeRuntimeState({ dir }: Bench): string {
  const runtimeDir = join(dir, "runc/c1");
  mkdirSync(runtimeDir, { recursive: true });
  const stat = readFileSync("/proc/self/stat", "utf8").replace(/.*\) /s, "");
  const state = { init_process_pid: process.pid, init_process_start: Number(stat.split(" ")[19]) };
  writeFileSync(join(runtimeDir, "state.json"), JSON.stringify(state));
  return runtimeDir;
}

function makeBench(dir: string): Bench {
  const events: string[] = [];
  const faults = new Map<string, Error>();
  const namespaces = new Set<string>();
  const cached: Bench["cached"] = [];
  const configured: AttachmentRecord[] = [];
  const results: Bench["results"] = [];
  const happens = async (event: string): Promise<void> => {
    events.push(event);
    const fault = faults.get(event);
    if (fault !== undefined) throw fault;
  };
  const told = ({ incomplete = false }: CacheOptions = {}): Bench["cached"] =>
    cached.filter((each) => incomplete || !each.incomplete);
  const cni: Partial<Cni> = {
    addNetworkList: async () => {
      await happens("ADD");
      const next = results.shift() ?? RESULT;
      if (next instanceof Error) throw next;
      return next;
    },
    addCapability: (_list, _conf, capability) => happens(`ADD ${capability}`),
    delCapability: (_list, _conf, capability) => happens(`DEL ${capability}`),
    checkNetworkList: (_list, _conf, { without } = {}) =>
      happens(without === undefined ? "CHECK" : `CHECK without ${without}`),
    statusNetworkList: async () => {},
    delNetworkList: () => happens("DEL"),
    cachedAttachments: (id, options) =>
      told(options).filter(({ containerId }) => containerId === id),
    cachedResult: (_, { containerId }, options) =>
      told(options).find((each) => each.containerId === containerId)?.result,
    forget: () => void events.push("forget"),
  };
  const store = fileStore(join(dir, "state"), join(dir, "runtimes"));
  const context: SandboxContext = {
    store,
    locker: watchedLocker(flockLocker(), join(dir, "state")),
    firstUse: fileFirstUse(store, BOOT),
    orphans: { end: () => happens("kill orphans") },
    deleteContainer: (runtimeDir) => happens(`runtime delete ${runtimeDir}`),
    configured: async () => configured,
    netns: {
      add: async (name) => {
        await happens("netns add");
        namespaces.add(name);
      },
      attach: () => happens("netns attach"),
      show: async () => ({ interfaces: [], routes: [] }),
      counters: async () => new Map(),
      neighbours: async () => [],
      loopbackUp: () => happens("lo up"),
      setDefaultRoute: () => happens("default route"),
      restoreIpv6: () => happens("restore IPv6"),
      remove: async (name) => {
        if (namespaces.delete(name)) await happens("netns remove");
      },
      hasLink: async (name) => namespaces.has(name) && !events.includes("netns add"),
      announce: async (_, ifName, addresses) => {
        await happens(`announce ${ifName} ${addresses.join(" ")}`);
        return true;
      },
      defaultRoutes: async () => [],
      changeRoute: (_, change, { text }) => happens(`route ${change} ${text}`),
      disableIpv6: (_, ifName) => happens(`no IPv6 ${ifName}`),
      endClosingConnections: async () => {},
      removeLink: () => happens("link remove"),
      addStandIn: () => happens("stand-in"),
      ownerOf: () => undefined,
      owners: () => [],
      exists: (name) => namespaces.has(name),
      isAlive: (name) => namespaces.has(name),
    },
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- the calls that sandboxes make
    cni: cni as Cni,
    log: recordingLog().log,
    bootId: BOOT,
    uptimeMs: () => 3_600_000,
    lockTimeoutMs: 1000,
    keepForMs: undefined,
    parkAfterMs: undefined,
    reserveForMs: undefined,
    names: "off",
    dnsDir: join(dir, "dns"),
  };
  return { dir, context, events, faults, namespaces, cached, configured, results };
}
