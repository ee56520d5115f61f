import { describe, expect, test } from "vitest";
import { parseNetworkList } from "../../src/cni/index.ts";
import type { DockerContainer } from "../../src/engine/docker-container.ts";
import type { Spec } from "../../src/oci/spec.ts";
import { askedOf } from "../../src/request/asked.ts";
import { NOTHING } from "../../src/request/request.ts";
import type { NetworkRequest } from "../../src/runtime/network-request.ts";
import { planStart, type StartFacts } from "../../src/runtime/plan.ts";
import type { SandboxRecord } from "../../src/state/record.ts";

const docker: DockerContainer = {
  directory: "/var/lib/docker/containers/c1",
  name: "web",
  hostname: "web",
  domainname: undefined,
  networkMode: "none",
  macAddress: undefined,
  ips: [],
  aliases: [],
  links: [],
  linkLocalIps: [],
  driverOpts: [],
  autoRemove: false,
  restarting: false,
  portBindings: [],
  publishAllPorts: false,
  exposedPorts: [],
  labels: {},
  annotations: {},
  dns: [],
  dnsSearch: [],
  dnsOptions: [],
  imageId: undefined,
  imageManifest: undefined,
  storageDriver: undefined,
  warnings: [],
};

const LIST = JSON.stringify({
  cniVersion: "1.0.0",
  name: "lan",
  plugins: [{ type: "bridge" }, { type: "portmap", capabilities: { portMappings: true } }],
});
const PLAIN = JSON.stringify({ cniVersion: "1.0.0", name: "lan", plugins: [{ type: "bridge" }] });
const MAPPING = { hostPort: 8080, containerPort: 80, protocol: "tcp" };
const PORT = { containerPort: 80, protocol: "tcp", hostPorts: [8080, 8080] } as const;

const inUserns: Spec = { linux: { namespaces: [{ type: "network" }, { type: "user" }] } };
const withNetAdmin: Spec = { process: { capabilities: { bounding: ["CAP_NET_ADMIN"] } } };

const common = {
  id: "c1",
  spec: {},
  docker,
  bootId: "boot-1",
  runtimeDir: "/run/runc/c1",
  environment: { PATH: "/usr/bin" },
  config: { keep: "always", workloadArgs: [] },
} satisfies Partial<StartFacts>;

function record(more: Partial<SandboxRecord> = {}): SandboxRecord {
  return {
    version: 1,
    id: "c1",
    state: "attached",
    netns: "c1",
    bootId: "boot-1",
    createdAt: "2026-01-01T00:00:00Z",
    keep: true,
    containerDir: docker.directory,
    name: "web",
    names: ["web"],
    files: {},
    asked: askedOf(docker),
    runtimeDir: "/run/runc/c1",
    environment: { PATH: "/usr/bin" },
    attachments: [
      {
        network: "lan",
        ifName: "eth0",
        list: LIST,
        cniArgs: [["IgnoreUnknown", "1"]],
        capabilityArgs: {},
        addresses: ["10.9.0.2/24"],
      },
    ],
    ...more,
  };
}

function publishing(more: Partial<SandboxRecord> = {}): SandboxRecord {
  const attachments = record().attachments.map((attachment) =>
    Object.assign(attachment, { capabilityArgs: { portMappings: [MAPPING] } }),
  );
  return record({ attachments, ...more });
}

interface KeptOptions {
  isIntact?: boolean;
  spec?: Spec;
  otherPorts?: NetworkRequest;
  docker?: DockerContainer;
}

/** A container that has `before` from an earlier start. */
function kept(before: SandboxRecord, options: KeptOptions = {}): StartFacts {
  const { isIntact = true, otherPorts, ...more } = options;
  return { ...common, ...more, kept: { record: before, isIntact }, otherPorts };
}

const request: NetworkRequest = {
  ...NOTHING,
  none: false,
  networks: [
    {
      name: "lan",
      ifName: "eth0",
      ips: [],
      ports: [],
      aliases: [],
      cniArgs: [],
      configArgs: {},
    },
  ],
  labels: {},
};
const withPorts: NetworkRequest = { ...request, ports: [PORT] };

interface WantedOptions {
  spec?: Spec;
  before?: SandboxRecord;
  networkRequest?: NetworkRequest;
  list?: string;
}

/** A container whose network is to be made as it is asked for. */
function wanted(options: WantedOptions = {}): StartFacts {
  const { spec = {}, before, networkRequest = request, list = LIST } = options;
  return {
    ...common,
    spec,
    kept: before && { record: before, isIntact: true },
    wanted: { networkRequest, lists: [parseNetworkList(list)], at: "2026-02-02T00:00:00Z" },
  };
}

const edited = record({ asked: { labels: 1, ports: 1 } });

describe("a container starts with", () => {
  test.each<[title: string, facts: StartFacts, plan: object]>([
    [
      "a new network where it has none",
      wanted(),
      { kind: "new", reason: "no network yet", isEdited: false, before: undefined },
    ],
    [
      "the network that it has, where its namespace is as the stop left it",
      kept(record()),
      { kind: "rejoin", reason: "unchanged" },
    ],
    [
      "its network in a fresh namespace where it may have changed the old one",
      kept(record(), { spec: withNetAdmin }),
      { kind: "rebuild", netns: "fresh", reason: "CAP_NET_ADMIN" },
    ],
    [
      "its network in another namespace where that is lost",
      kept(record(), { isIntact: false }),
      { kind: "rebuild", netns: "replaced", reason: "lost namespace" },
    ],
    [
      "its network in another namespace after a boot",
      kept(record({ bootId: "boot-0" }), { isIntact: false }),
      { kind: "rebuild", netns: "replaced", reason: "other boot" },
    ],
    [
      "its network in another namespace after a boot, whatever it may have changed",
      kept(record({ bootId: "boot-0" }), { isIntact: false, spec: withNetAdmin }),
      { kind: "rebuild", netns: "replaced", reason: "other boot" },
    ],
    [
      "its network made again where an earlier start was cut short",
      kept(record({ state: "creating" }), { isIntact: false }),
      { kind: "rebuild", netns: "replaced", reason: "not attached to the end" },
    ],
    [
      "its network in a namespace of ours where it had a user namespace before",
      kept(record({ userns: true })),
      { kind: "rebuild", netns: "replaced", reason: "no user namespace any more" },
    ],
    [
      "another network where its labels were edited, and the old one is undone first",
      wanted({ before: edited }),
      { kind: "rebuild", netns: "replaced", reason: "edited labels", isEdited: true },
    ],
    [
      "the network that it has where its ports alone were edited",
      kept(record(), { otherPorts: withPorts }),
      { kind: "rejoin", reason: "unchanged", isEdited: false },
    ],
    [
      "a new network in its runtime's namespace where it has a user namespace",
      wanted({ spec: inUserns }),
      { kind: "runtime-owned", reason: "user namespace", before: undefined },
    ],
    [
      "the addresses that it has, in its runtime's namespace, where it has a user namespace",
      kept(record({ userns: true }), { spec: inUserns }),
      { kind: "runtime-owned", reason: "user namespace", isEdited: false },
    ],
    [
      "the addresses that it has, in its runtime's namespace, where it has a user namespace now",
      kept(record(), { spec: inUserns }),
      { kind: "runtime-owned", record: { userns: true } },
    ],
    [
      "another network in its runtime's namespace where its labels were edited",
      wanted({ spec: inUserns, before: edited }),
      { kind: "runtime-owned", reason: "user namespace", isEdited: true, before: edited },
    ],
  ])("%s", (_, facts, plan) => {
    expect(planStart(facts)).toMatchObject(plan);
  });
});

describe("the ports of a container", () => {
  const others = { take: "others", request: withPorts, asked: askedOf(docker) };
  test.each<[title: string, facts: StartFacts, ports: object]>([
    ["are none where it asks for none", wanted(), { take: "none" }],
    [
      "are allotted as they are asked for with a new network",
      wanted({ networkRequest: withPorts }),
      { take: "asked", request: withPorts },
    ],
    [
      "are allotted where one network alone is to publish them",
      wanted({
        networkRequest: {
          ...request,
          networks: request.networks.map((network) =>
            Object.assign({}, network, { ports: [PORT] }),
          ),
        },
      }),
      { take: "asked" },
    ],
    [
      "are allotted as they are asked for now where its labels were edited",
      wanted({ networkRequest: withPorts, before: edited }),
      { take: "asked" },
    ],
    ["are none where it published none", kept(record()), { take: "none" }],
    ["are its own where the stop did not give them back", kept(publishing()), { take: "held" }],
    [
      "are taken again where the stop gave them back",
      kept(publishing({ ports: "released" })),
      { take: "again" },
    ],
    [
      "are taken again, though there are none left, where they were unpublished after that",
      kept(record({ ports: "released" })),
      { take: "again" },
    ],
    [
      "are taken again where giving them back was cut short",
      kept(publishing({ ports: "releasing" })),
      { take: "again" },
    ],
    [
      "are taken again where the start before was cut short",
      kept(publishing({ ports: "acquiring" })),
      { take: "again" },
    ],
    [
      "are taken again after a boot, in which they may have become another's",
      kept(publishing({ bootId: "boot-0" }), { isIntact: false }),
      { take: "again" },
    ],
    [
      "are others where Docker's files were edited",
      kept(publishing(), { otherPorts: withPorts }),
      others,
    ],
    [
      "are its first where Docker's files were edited",
      kept(record(), { otherPorts: withPorts }),
      others,
    ],
    [
      "are planned alike where it has a user namespace",
      kept(publishing({ ports: "released" }), { spec: inUserns }),
      { take: "again" },
    ],
  ])("%s", (_, facts, ports) => {
    expect(planStart(facts).ports).toMatchObject(ports);
  });

  test("that no network can publish are refused before anything is made", () => {
    const facts = wanted({ networkRequest: withPorts, list: PLAIN });
    expect(() => planStart(facts)).toThrow("no plugin with the capability portMappings");
  });
});

describe("the record that is planned", () => {
  test("of a new network is whole but for what ADD gives", () => {
    expect(planStart(wanted()).record).toEqual({
      version: 1,
      id: "c1",
      state: "creating",
      netns: "c1",
      bootId: "boot-1",
      createdAt: "2026-02-02T00:00:00Z",
      keep: true,
      containerDir: docker.directory,
      name: "web",
      names: ["web"],
      files: {},
      asked: askedOf(docker),
      runtimeDir: "/run/runc/c1",
      environment: { PATH: "/usr/bin" },
      attachments: [
        {
          network: "lan",
          ifName: "eth0",
          list: LIST,
          cniArgs: [["IgnoreUnknown", "1"]],
          capabilityArgs: {},
          addresses: [],
        },
      ],
    });
  });

  test("of a kept network is the one that there is, where nothing has changed", () => {
    const before = record();
    const plan = planStart(kept(before));
    expect(plan.record).toEqual(before);
    expect(plan.before).toBe(before);
  });

  test.each<[what: string, facts: StartFacts, then: object]>([
    [
      "another name",
      kept(record({ name: "old", names: ["old"] })),
      { name: "web", names: ["web"] },
    ],
    [
      "another folder of its engine's",
      kept(record({ containerDir: "/old/containers/c1" })),
      { containerDir: docker.directory },
    ],
    [
      "another folder of its runtime's",
      kept(record({ runtimeDir: "/old/c1" })),
      { runtimeDir: "/run/runc/c1" },
    ],
    [
      "another environment",
      kept(record({ environment: {} })),
      { environment: { PATH: "/usr/bin" } },
    ],
  ])("of a kept network has %s", (_, facts, then) => {
    expect(planStart(facts).record).toMatchObject(then);
  });

  test("of a kept network that has no note of what was asked has one", () => {
    const { asked: _, ...before } = record();
    expect(planStart(kept(before)).record).toHaveProperty("asked", askedOf(docker));
  });

  test("of a network that is lost is of its own boot until it is built again", () => {
    const facts = kept(record({ bootId: "boot-0" }), { isIntact: false });
    expect(planStart(facts).record).toMatchObject({ bootId: "boot-0", state: "attached" });
  });

  test.each<[title: string, make: () => StartFacts]>([
    ["a kept network", () => kept(record({ name: "old" }), { spec: inUserns })],
    ["edited labels", () => wanted({ before: edited, networkRequest: withPorts })],
  ])("is made without a change of what is known: %s", (_, make) => {
    const facts = make();
    const copy = structuredClone(facts);
    planStart(facts);
    expect(facts).toEqual(copy);
  });
});
