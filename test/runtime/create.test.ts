import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { once } from "node:events";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Cni, CniError, type Result } from "../../src/cni/index.ts";
import { resolveConfig } from "../../src/config/config.ts";
import { recordingLog } from "../../src/lib/log.ts";
import type { Spec } from "../../src/oci/spec.ts";
import { type CreateCall, parseCreateCall } from "../../src/runtime/args.ts";
import { create, type CreateContext } from "../../src/runtime/create.ts";
import { runHookVerb } from "../../src/runtime/hook-verbs.ts";
import { fileFirstUse } from "../../src/state/first-use.ts";
import { sweep } from "../../src/sandbox/gc.ts";
import { flockLocker } from "../../src/state/lock.ts";
import type { AttachmentRecord, SandboxRecord } from "../../src/state/record.ts";
import { startOf } from "../../src/state/running.ts";
import { makingOf } from "../../src/state/making.ts";
import { fileStore } from "../../src/state/store.ts";
import { watchedLocker } from "../sandbox/lock-order.ts";

const ID = "0123456789ab".padEnd(64, "c");
const NETNS = "/run/netns/0123456789ab";
const RESULT = {
  cniVersion: "1.0.0",
  interfaces: [{ name: "eth0", mac: "02:00:00:00:00:01", sandbox: NETNS }],
  ips: [{ address: "10.9.0.2/24", interface: 0 }],
};

let dir: string;
/** What ADD gives. */
let result: Result;
/** What happened, in order. */
let events: string[];
let aliveNetns: Set<string>;
let netnsOwner: string | undefined;
/** What goes wrong, by event. */
let faults: Map<string, Error | number>;
/** What ADD was given. */
let asked: object[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "docker-cni-create-"));
  result = RESULT;
  events = [];
  aliveNetns = new Set();
  netnsOwner = undefined;
  faults = new Map();
  asked = [];
  for (const folder of ["net.d", "plugins", "bundle", `containers/${ID}`]) {
    mkdirSync(join(dir, folder), { recursive: true });
  }
  writeFileSync(join(dir, "plugins/bridge"), "");
  const list = { cniVersion: "1.0.0", name: "lan", plugins: [{ type: "bridge" }] };
  writeFileSync(join(dir, "net.d/10-lan.conflist"), JSON.stringify(list));
  engineSays({ NetworkMode: "none" });
  writeBundle({});
});
afterEach(() => rmSync(dir, { recursive: true }));

function engineSays(hostConfig: object, Labels: object = {}): void {
  writeFileSync(join(dir, "containers", ID, "hostconfig.json"), JSON.stringify(hostConfig));
  writeFileSync(
    join(dir, "containers", ID, "config.v2.json"),
    JSON.stringify({ Name: "/web", Config: { Labels } }),
  );
}

function writeBundle(more: Partial<Spec>): void {
  const spec: Spec = {
    ociVersion: "1.0.2",
    linux: { namespaces: [{ type: "pid" }, { type: "network" }] },
    mounts: [{ destination: "/etc/hosts", source: join(dir, "containers", ID, "hosts") }],
    ...more,
  };
  writeFileSync(join(dir, "bundle/config.json"), JSON.stringify(spec));
}

/** Notes an event, takes a moment as a process would, and fails where the test asks for it. */
async function happens(event: string): Promise<void> {
  events.push(event);
  await new Promise((resolve) => setTimeout(resolve, 5));
  const fault = faults.get(event);
  if (fault instanceof Error) throw fault;
}

function context(): CreateContext {
  const cni = {
    addNetworkList: async (list, { cniArgs, capabilityArgs }) => {
      await happens("ADD");
      asked.push({ network: list.name, args: cniArgs, ...capabilityArgs });
      events.push("ADD done");
      return result;
    },
    addCapability: async (_, { capabilityArgs }) => {
      await happens("ADD ports");
      asked.push({ ...capabilityArgs });
    },
    delCapability: () => happens("DEL ports"),
    checkNetworkList: () => happens("CHECK"),
    delNetworkList: () => happens("DEL"),
    cachedAttachments: () => [],
    cachedResult: () => result,
  } satisfies Partial<Cni>;
  const store = fileStore(join(dir, "state"), join(dir, "runtimes"));
  return {
    store,
    locker: watchedLocker(flockLocker(), join(dir, "state")),
    firstUse: fileFirstUse(store, "boot-1"),
    orphans: { end: async () => {} },
    deleteContainer: async () => {},
    configured: async () => [],
    keepForMs: undefined,
    parkAfterMs: undefined,
    reserveForMs: undefined,
    names: "off",
    dnsDir: join(dir, "dns"),
    netns: {
      add: async (name) => {
        await happens("netns add");
        aliveNetns.add(name);
      },
      loopbackUp: () => happens("lo up"),
      restoreIpv6: (_, { ifName }) => happens(`IPv6 ${ifName}`),
      setDefaultRoute: (_, gateway, ifName) => happens(`default route ${gateway} ${ifName}`),
      remove: async (name) => {
        if (aliveNetns.delete(name)) await happens("netns remove");
      },
      attach: async () => {},
      show: async () => ({ interfaces: [], routes: [] }),
      counters: async () => new Map(),
      neighbours: async () => [],
      hasLink: async () => true,
      announce: async (_, ifName, addresses) => {
        await happens(`announce ${ifName} ${addresses.join(" ")}`);
        return true;
      },
      defaultRoutes: async () => [],
      changeRoute: (_, change, { text }) => happens(`route ${change} ${text}`),
      disableIpv6: (_, ifName) => happens(`no IPv6 ${ifName}`),
      endClosingConnections: async () => {},
      removeLink: async () => {},
      addStandIn: async () => {},
      ownerOf: () => netnsOwner,
      owners: () => [],
      exists: (name) => aliveNetns.has(name),
      isAlive: (name) => aliveNetns.has(name),
    },
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- the calls that create makes
    cni: cni as unknown as Cni,
    log: recordingLog().log,
    uptimeMs: () => 3_600_000,
    bootId: "boot-1",
    lockTimeoutMs: 1000,
    config: resolveConfig({
      cni_conf_dir: join(dir, "net.d"),
      cni_bin_dir: join(dir, "plugins"),
      state_dir: join(dir, "state"),
    }),
    install: { launcher: "/l/docker-cni", hooksDir: "/l/hooks", configFile: "/c.yaml" },
    env: { PATH: "/usr/bin" },
    startGc: () => {},
    runtime: {
      path: "/usr/bin/runc",
      run: async ({ command }) => {
        events.push(`runc ${command}`);
        const fault = faults.get(`runc ${command}`);
        if (fault instanceof Error) throw fault;
        return fault ?? 0;
      },
      become: async () => {
        events.push("becomes runc");
        const fault = faults.get("becomes runc");
        if (fault instanceof Error) throw fault;
      },
      deleteForce: () => happens("runc delete"),
      stateDir: () => join(dir, "runc", ID),
    },
  };
}

function call(words = `create --bundle ${dir}/bundle ${ID}`) {
  return parseCreateCall(words.split(" "));
}

function readSpec(): Spec {
  const spec: Spec = JSON.parse(readFileSync(join(dir, "bundle/config.json"), "utf8"));
  return spec;
}

function sandboxes(): string[] {
  const folder = join(dir, "state/sandboxes");
  return existsSync(folder) ? readdirSync(folder) : [];
}

const HEX = "e".repeat(64);
const imageFile = () => join(dir, "image/overlay2/imagedb/content/sha256", HEX);
const notes = () => readdirSync(join(dir, "state/images"));

/** What Docker's files say of a container of an image that brings along an address. */
function withImage(ownLabels: Record<string, string>, hostConfig: object = {}): void {
  engineSays({ NetworkMode: "none", ...hostConfig });
  const config = { Name: "/web", Image: `sha256:${HEX}`, Driver: "overlay2" };
  const file = join(dir, "containers", ID, "config.v2.json");
  writeFileSync(file, JSON.stringify({ ...config, Config: { Labels: ownLabels } }));
  mkdirSync(dirname(imageFile()), { recursive: true });
  const own = { "cni.networks": "lan", "cni.ip": "10.9.9.9" };
  writeFileSync(imageFile(), JSON.stringify({ rootfs: {}, config: { Labels: own } }));
  for (const name of ["lan", "back"]) {
    const list = { cniVersion: "1.0.0", name, plugins: [{ type: "bridge" }] };
    writeFileSync(join(dir, `net.d/10-${name}.conflist`), JSON.stringify(list));
  }
  writeFileSync(
    join(dir, "net.d/00-first.conflist"),
    JSON.stringify({
      cniVersion: "1.0.0",
      name: "first",
      plugins: [{ type: "bridge" }],
    }),
  );
}

/** Creates it, ends it, and gives the networks and arguments that it had. */
async function lives(): Promise<unknown> {
  const own = context();
  expect(await create(own, call())).toBe(0);
  const record = own.store.read(ID);
  if (record === undefined || record === "unreadable") return record;
  own.store.remove(ID);
  aliveNetns.clear();
  return record.attachments.map(({ network, cniArgs }) => [network, cniArgs]);
}

describe("a container whose image is gone", () => {
  test("has what was decided when it was there", async () => {
    withImage({ "cni.networks": "back", "cni.ip": "10.9.9.9" });
    const first = await lives();
    expect(first).toEqual([["back", [["IgnoreUnknown", "1"]]]]);
    rmSync(imageFile());
    expect(await lives()).toEqual(first);
  });

  test("is judged anew by what it says anew, which its image did not say", async () => {
    withImage({ "cni.networks": "back" });
    await lives();
    rmSync(imageFile());
    const file = join(dir, "containers", ID, "config.v2.json");
    writeFileSync(file, readFileSync(file, "utf8").replace('"back"', '"lan"'));
    // The value that the image carried is not its operator's.
    expect(await lives()).toEqual([["first", [["IgnoreUnknown", "1"]]]]);
  });

  test("has no network where it is to have none, whoever knows", async () => {
    withImage({ "cni.networks": "none" });
    rmSync(imageFile());
    expect(await lives()).toBeUndefined();
  });

  test("with --rm leaves no note", async () => {
    withImage({ "cni.networks": "back" }, { AutoRemove: true });
    await lives();
    expect(existsSync(join(dir, "state/images"))).toBe(false);
  });

  test("is forgotten with the container", async () => {
    withImage({ "cni.networks": "back" });
    await lives();
    await sweep(context());
    expect(notes()).toEqual([ID]);
    mkdirSync(join(dir, "volumes"));
    rmSync(join(dir, "containers", ID), { recursive: true });
    await sweep(context());
    expect(notes()).toEqual([]);
  });
});

describe("a new container", () => {
  test("gets its namespace, then its network beside the runtime's create", async () => {
    expect(await create(context(), call())).toBe(0);
    expect(events.slice(0, 1)).toEqual(["netns add"]);
    expect(events.toSorted()).toEqual(["ADD", "ADD done", "netns add", "runc create"]);
    expect(events.indexOf("runc create")).toBeLessThan(events.indexOf("ADD done"));
  });

  test("has a spec that joins the namespace and ends it by a poststop hook", async () => {
    await create(context(), call());
    expect(readSpec()).toMatchObject({
      ociVersion: "1.0.2",
      linux: { namespaces: [{ type: "pid" }, { type: "network", path: NETNS }] },
      hooks: {
        poststop: [
          {
            path: "/l/hooks/poststop",
            args: [
              "poststop",
              "keep",
              join(dir, "state/sandboxes", ID),
              join(dir, "containers", ID),
              "/l/docker-cni",
              "/c.yaml",
            ],
          },
        ],
      },
    });
  });

  test("is remembered with its addresses", async () => {
    const { store, ...rest } = context();
    await create({ store, ...rest }, call());
    expect(store.read(ID)).toMatchObject({
      state: "attached",
      netns: "0123456789ab",
      bootId: "boot-1",
      keep: true,
      name: "web",
      containerDir: join(dir, "containers", ID),
      attachments: [
        { network: "lan", ifName: "eth0", addresses: ["10.9.0.2/24"], mac: "02:00:00:00:00:01" },
      ],
    });
  });

  test("has its network where a plugin does an IPAM of its own, for which there is no binary", async () => {
    const plugins = [{ type: "bridge", ipam: { type: "its-own" } }];
    const list = { cniVersion: "1.0.0", name: "lan", plugins };
    writeFileSync(join(dir, "net.d/10-lan.conflist"), JSON.stringify(list));
    expect(await create(context(), call())).toBe(0);
    expect(events).toContain("ADD");
  });

  test("has its network before hooks of others that may need it", async () => {
    writeBundle({ hooks: { createRuntime: [{ path: "/usr/bin/other" }] } });
    await create(context(), call());
    expect(events.at(-1)).toBe("runc create");
  });

  test("has its network before the runtime sets something of its interface", async () => {
    writeBundle({
      linux: {
        namespaces: [{ type: "network" }],
        sysctl: { "net.ipv4.ip_forward": "1", "net.ipv4.conf.eth0.rp_filter": "2" },
      },
    });
    await create(context(), call());
    expect(events.at(-1)).toBe("runc create");
  });

  describe("on a network with IPv6, which dockerd's own hook switches off,", () => {
    const setkey = { path: "/proc/1/exe", args: ["libnetwork-setkey"] };
    beforeEach(() => {
      result = { ...RESULT, ips: [{ address: "fd00::2/64", interface: 0 }] };
      const plugins = [{ type: "bridge", ipam: { ranges: [[{ subnet: "fd00::/64" }]] } }];
      const list = { cniVersion: "1.0.0", name: "lan", plugins };
      writeFileSync(join(dir, "net.d/10-lan.conflist"), JSON.stringify(list));
    });

    test("has its network after the runtime's create", async () => {
      writeBundle({ hooks: { prestart: [setkey] } });
      await create(context(), call());
      expect(events.filter((event) => event !== "netns add")).toEqual([
        "runc create",
        "ADD",
        "ADD done",
      ]);
    });

    test("has none when the runtime's create fails", async () => {
      writeBundle({ hooks: { prestart: [setkey] } });
      faults.set("runc create", 3);
      await create(context(), call());
      expect(events).not.toContain("ADD");
    });

    test("has it before hooks of others, and IPv6 again afterwards", async () => {
      writeBundle({ hooks: { prestart: [setkey, { path: "/usr/bin/other" }] } });
      await create(context(), call());
      expect(events.slice(-2)).toEqual(["runc create", "IPv6 eth0"]);
    });

    test.each(["net.ipv6.conf.all.disable_ipv6", "net/ipv6/conf/eth0/disable_ipv6"])(
      "has none where the container sets %s, at a restart neither",
      async (key) => {
        const linux = { namespaces: [{ type: "network" }], sysctl: { [key]: "1" } };
        const hooks = { prestart: [setkey] };
        writeBundle({ linux, hooks });
        const made = context();
        await create(made, call());
        expect(events.at(-1)).toBe("runc create");
        writeBundle({ linux, hooks });
        events = [];
        await create(made, call());
        expect(events).toEqual(["IPv6 eth0", "CHECK", "runc create"]);
        await runHookVerb(made, ["settle", "--locked", ID]);
        expect(events.at(-1)).toBe("runc create");
      },
    );

    test("has it beside the runtime's create where that hook is not", async () => {
      await create(context(), call());
      expect(events.indexOf("runc create")).toBeLessThan(events.indexOf("ADD done"));
    });
  });

  test("that starts at once (run) has its network before, and nothing of it after", async () => {
    const status = await create(context(), call(`run --bundle ${dir}/bundle ${ID.slice(0, 12)}x`));
    expect(status).toBe(0);
    expect(events).toEqual(["netns add", "ADD", "ADD done", "runc run", "DEL", "netns remove"]);
    expect(sandboxes()).toEqual([]);
  });

  test("that starts at once is not released by a gc before its runtime has it", async () => {
    const made = context();
    const outcomes: unknown[] = [];
    const run = async (runCall: CreateCall): Promise<number> => {
      outcomes.push(...(await sweep(made)));
      return made.runtime.run(runCall);
    };
    writeBundle({ mounts: [] });
    const id = `${ID.slice(0, 12)}x`;
    const words = `run --detach --bundle ${dir}/bundle ${id}`;
    await create({ ...made, runtime: { ...made.runtime, run } }, call(words));
    expect(outcomes).toEqual([{ id, outcome: "kept" }]);
    expect(events).toEqual(["netns add", "ADD", "ADD done", "runc run"]);
  });

  test.each([
    { title: "--rm", hostConfig: { NetworkMode: "none", AutoRemove: true }, mode: "release" },
    { title: "no --rm", hostConfig: { NetworkMode: "none" }, mode: "keep" },
  ])("with $title is told to the hook as $mode", async ({ hostConfig, mode }) => {
    engineSays(hostConfig);
    await create(context(), call());
    expect(readSpec().hooks?.poststop?.[0]?.args?.[1]).toBe(mode);
  });

  test("of an engine without files of its own is told to the hook as wait", async () => {
    writeBundle({ mounts: [] });
    await create(context(), call());
    expect(readSpec().hooks?.poststop?.[0]?.args?.[1]).toBe("wait");
  });
});

/** A runtime that runs the createRuntime hook, as runc does. */
function hooked(own: CreateContext): CreateContext {
  const run = async (made: CreateCall): Promise<number> => {
    await runHookVerb(own, ["attach-netns", "--locked", ID, "7"]);
    return own.runtime.run(made);
  };
  return { ...own, runtime: { ...own.runtime, run } };
}

describe("a container with a user namespace of its own", () => {
  const linux = { namespaces: [{ type: "network" }, { type: "user" }] };
  beforeEach(() => writeBundle({ linux }));

  test("gets its namespace from its runtime, and its network by the createRuntime hook", async () => {
    expect(await create(context(), call())).toBe(0);
    expect(events).toEqual(["runc create"]);
    const { linux: written, hooks } = readSpec();
    expect(written?.namespaces).toEqual([{ type: "user" }, { type: "network" }]);
    expect(hooks?.createRuntime?.[0]?.args?.slice(0, 2)).toEqual(["createruntime", ID]);
    expect(store().read(ID)).toMatchObject({ state: "creating", userns: true });
  });

  test("is known by what the hook wrote down", async () => {
    const made = context();
    await create(hooked(made), call());
    expect(events).toEqual(["lo up", "ADD", "ADD done", "runc create"]);
    expect(store().read(ID)).toMatchObject({
      state: "attached",
      userns: true,
      attachments: [{ addresses: ["10.9.0.2/24"] }],
    });
  });

  test("gives back what it had before it asks for the same again", async () => {
    await create(hooked(context()), call());
    store().markStopped(ID);
    aliveNetns.add("0123456789ab");
    writeBundle({ linux });
    [events, asked] = [[], []];
    await create(hooked(context()), call());
    expect(events).toEqual(["DEL", "netns remove", "lo up", "ADD", "ADD done", "runc create"]);
    expect(asked).toMatchObject([{ args: expect.arrayContaining([["IP", "10.9.0.2"]]) }]);
  });

  test("leaves nothing of a new network when its runtime fails", async () => {
    faults.set("runc create", 1);
    expect(await create(hooked(context()), call())).toBe(1);
    expect(events.at(-1)).toBe("DEL");
    expect(sandboxes()).toEqual([]);
  });

  test("keeps its network when its runtime fails", async () => {
    await create(hooked(context()), call());
    store().markStopped(ID);
    writeBundle({ linux });
    faults.set("runc create", 1);
    expect(await create(hooked(context()), call())).toBe(1);
    expect(store().read(ID)).toMatchObject({ state: "attached" });
    expect(store().stoppedAt(ID)).toBeDefined();
  });
});

describe("which runtime made it", () => {
  const noted = (root = ""): unknown => {
    const note = context().store.runtimeNotes.read({ root, id: ID });
    return note && [note.path, note.sandbox];
  };

  test.each([
    { title: "a container of ours", words: `create --bundle BUNDLE ${ID}`, sandbox: true },
    { title: "one that starts at once", words: `run -d --bundle BUNDLE ${ID}`, sandbox: true },
    {
      title: "one that is left alone",
      words: `create --bundle BUNDLE ${ID}`,
      hostConfig: { NetworkMode: "bridge" },
      sandbox: false,
    },
    {
      title: "one below a root of its engine's",
      words: `--root /run/r create --bundle BUNDLE ${ID}`,
      root: "/run/r",
      sandbox: true,
    },
  ])("is noted of $title", async ({ words, hostConfig, root, sandbox }) => {
    if (hostConfig !== undefined) engineSays(hostConfig);
    await create(context(), call(words.replace("BUNDLE", `${dir}/bundle`)));
    expect(noted(root)).toEqual(["/usr/bin/runc", sandbox ? join(dir, "state/sandboxes", ID) : ""]);
  });

  test.each([
    { title: "could not be made", words: `create --bundle BUNDLE ${ID}`, status: 3 },
    { title: "ended", words: `run --bundle BUNDLE ${ID}`, status: 0 },
    { title: "did not get its network", words: `create --bundle BUNDLE ${ID}`, network: true },
  ])("is forgotten of one that $title", async ({ words, status, network }) => {
    if (status !== undefined) faults.set(`runc ${words.split(" ")[0]}`, status);
    if (network) faults.set("ADD", new Error("no bridge"));
    await create(context(), call(words.replace("BUNDLE", `${dir}/bundle`))).catch(() => {});
    expect(noted()).toBeUndefined();
  });
});

describe("nothing is left when", () => {
  const pluginFault = new CniError({
    kind: "plugin",
    msg: "no bridge today",
    plugin: "bridge",
    network: "lan",
    command: "ADD",
  });

  test.each([
    {
      title: "the namespace cannot be made",
      event: "netns add",
      fault: new Error("no netns"),
      rejects: /no netns/,
    },
    { title: "ADD fails", event: "ADD", fault: pluginFault, rejects: /no bridge today/ },
    {
      title: "the runtime cannot be run",
      event: "runc create",
      fault: new Error("no runc"),
      rejects: /no runc/,
    },
  ])("$title, and the fault is told", async ({ event, fault, rejects }) => {
    const before = readFileSync(join(dir, "bundle/config.json"), "utf8");
    faults.set(event, fault);
    await expect(create(context(), call())).rejects.toThrow(rejects);
    expect(sandboxes()).toEqual([]);
    expect([...aliveNetns]).toEqual([]);
    expect(readFileSync(join(dir, "bundle/config.json"), "utf8")).toBe(before);
    expect(events).toContain("DEL");
    expect(events.at(-1)).toBe("runc delete");
  });

  test("the runtime's create fails, whose own status is given", async () => {
    faults.set("runc create", 3);
    expect(await create(context(), call())).toBe(3);
    expect(sandboxes()).toEqual([]);
    expect([...aliveNetns]).toEqual([]);
    expect(events.slice(-2)).toEqual(["DEL", "netns remove"]);
  });

  test("its engine removes it meanwhile, and nobody will start it", async () => {
    const { runtime, ...rest } = context();
    const run: typeof runtime.run = async (made) => {
      rmSync(join(dir, "containers", ID), { recursive: true });
      mkdirSync(join(dir, "volumes"));
      return runtime.run(made);
    };
    const started = create({ ...rest, runtime: { ...runtime, run } }, call());
    await expect(started).rejects.toThrow(`container ${ID} was removed while it was started`);
    expect(sandboxes()).toEqual([]);
    expect([...aliveNetns]).toEqual([]);
    expect(events.at(-1)).toBe("runc delete");
  });

  test.each([
    {
      title: "there is no network",
      spoil: () => rmSync(join(dir, "net.d/10-lan.conflist")),
      rejects: /no network/,
    },
    {
      title: "a plugin is missing",
      spoil: () => rmSync(join(dir, "plugins/bridge")),
      rejects: /no plugin binary "bridge"/,
    },
  ])("$title, and no effect was made", async ({ spoil, rejects }) => {
    spoil();
    await expect(create(context(), call())).rejects.toThrow(rejects);
    expect(events).toEqual(["runc delete"]);
    expect(sandboxes()).toEqual([]);
  });

  test("the namespace is there already, which stays its owner's", async () => {
    aliveNetns.add("0123456789ab");
    await expect(create(context(), call())).rejects.toThrow(/0123456789ab is there already/);
    expect(sandboxes()).toEqual([]);
    expect([...aliveNetns]).toEqual(["0123456789ab"]);
  });

  test("the namespace is there already, of another state_dir, and the error tells which", async () => {
    aliveNetns.add("0123456789ab");
    netnsOwner = join(dir, "state of before");
    mkdirSync(join(netnsOwner, "sandboxes", ID), { recursive: true });
    await expect(create(context(), call())).rejects.toMatchObject({
      message: expect.stringContaining(
        `this container's own, made while state_dir was ${netnsOwner}, and state_dir is`,
      ),
      hint: expect.stringContaining(`set state_dir back to ${netnsOwner}`),
    });
    expect(sandboxes()).toEqual([]);
  });

  test("the id is one that CNI does not allow", async () => {
    await expect(create(context(), call(`create --bundle ${dir}/bundle a+b`))).rejects.toThrow(
      /the container id "a\+b"/,
    );
    expect(events).toEqual([]);
  });

  test("ADD fails, but the folder that another makes as soon as the old one is gone", async () => {
    faults.set("ADD", pluginFault);
    const own = context();
    const { store } = context();
    const folder = own.store.pathOf(ID);
    let isFirst = true;
    own.store.remove = (id) => {
      store.remove(id);
      if (isFirst) own.store.prepare(id);
      isFirst = false;
    };
    await expect(create(own, call())).rejects.toThrow(/no bridge today/);
    expect(existsSync(folder)).toBe(true);
  });

  test("DEL fails too, but what gc needs to finish", async () => {
    faults.set("ADD", pluginFault);
    faults.set("DEL", new Error("no DEL either"));
    await expect(create(context(), call())).rejects.toThrow(/no bridge today/);
    expect(fileStore(join(dir, "state")).read(ID)).toMatchObject({ state: "removing" });
    expect([...aliveNetns]).toEqual([]);
  });
});

describe("a kept container", () => {
  beforeEach(async () => {
    await create(context(), call());
    fileStore(join(dir, "state")).markStopped(ID);
    writeBundle({});
    events = [];
  });

  test("joins its namespace again, which is only checked", async () => {
    expect(await create(context(), call())).toBe(0);
    expect(events.toSorted()).toEqual(["CHECK", "runc create"]);
    expect(fileStore(join(dir, "state")).stoppedAt(ID)).toBeUndefined();
  });

  test.each([
    { title: "waits for its start", files: ["exec.fifo", "state.json"], deleted: true },
    { title: "was not made to the end", files: [], deleted: true },
    { title: "runs", files: ["state.json"], deleted: false },
  ])(
    "that a start which was killed left with its runtime, and $title, is deleted there first: $deleted",
    async ({ files, deleted }) => {
      const folder = join(dir, "runc", ID);
      mkdirSync(folder, { recursive: true });
      const { pid } = process;
      const state = { init_process_pid: pid, init_process_start: startOf(pid) };
      for (const file of files) writeFileSync(join(folder, file), JSON.stringify(state));
      await create(context(), call());
      expect(events[0] === "runc delete").toBe(deleted);
      expect(events).toContain("runc create");
    },
  );

  test("whose start was killed has ended what that left at work", async () => {
    fileStore(join(dir, "state")).clearStopped(ID);
    const ended: unknown[] = [];
    const orphans = { end: async (...args: unknown[]) => void ended.push(...args) };
    await create({ ...context(), orphans }, call());
    const runtimeDir = join(dir, "runc", ID);
    expect(ended).toEqual(["/run/netns/0123456789ab", { id: ID, runtimeDir }]);
  });

  test("whose first start was killed has what that left with its runtime deleted first", async () => {
    const store = fileStore(join(dir, "state"));
    const record = store.read(ID);
    if (typeof record !== "object") throw new Error("there is no record");
    const attachments = record.attachments.map((each) => Object.assign(each, { addresses: [] }));
    store.write({ ...record, state: "creating", attachments });
    mkdirSync(join(dir, "runc", ID), { recursive: true });
    writeFileSync(join(dir, "runc", ID, "exec.fifo"), "");
    await create(context(), call());
    expect(events[0]).toBe("runc delete");
  });

  test("gets its network built again where the check fails", async () => {
    faults.set("CHECK", new Error("no eth0"));
    await create(context(), call());
    expect(events.filter((event) => event !== "runc create")).toEqual([
      "CHECK",
      "lo up",
      "DEL",
      "ADD",
      "ADD done",
    ]);
  });

  test.each([
    { title: "its namespace is lost", spoil: () => aliveNetns.clear(), bootId: "boot-1" },
    { title: "the machine was booted anew", spoil: () => aliveNetns.clear(), bootId: "boot-2" },
  ])("gets its network built again where $title", async ({ spoil, bootId }) => {
    spoil();
    const store = fileStore(join(dir, "state"));
    await create({ ...context(), bootId }, call());
    expect(events.filter((event) => event !== "runc create")).toEqual([
      "netns add",
      "lo up",
      "DEL",
      "ADD",
      "ADD done",
    ]);
    expect(store.read(ID)).toMatchObject({
      state: "attached",
      bootId,
      attachments: [{ addresses: ["10.9.0.2/24"] }],
    });
  });

  test.each([
    { title: "the runtime fails", event: "runc create", fault: 1 },
    { title: "the runtime cannot be run", event: "runc create", fault: new Error("no runc") },
  ])("keeps its network when $title", async ({ event, fault }) => {
    faults.set(event, fault);
    await create(context(), call()).catch(() => 1);
    const store = fileStore(join(dir, "state"));
    expect(store.read(ID)).toMatchObject({ state: "attached" });
    expect(store.stoppedAt(ID)).toBeDefined();
    expect(events).not.toContain("DEL");
    expect([...aliveNetns]).toEqual(["0123456789ab"]);
  });

  test("gets a fresh namespace with the same addresses where it may have changed the old one", async () => {
    writeBundle({ process: { capabilities: { bounding: ["CAP_CHOWN", "CAP_NET_ADMIN"] } } });
    expect(await create(context(), call())).toBe(0);
    const others = events.filter((event) => event !== "runc create");
    expect(others.slice(0, 3)).toEqual(["DEL", "netns remove", "netns add"]);
    expect(others).toContain("ADD");
    expect(fileStore(join(dir, "state")).read(ID)).toMatchObject({
      state: "attached",
      attachments: [{ addresses: ["10.9.0.2/24"] }],
    });
  });

  test("is looked for where the engine has it now when the data root was moved", async () => {
    const { store, ...rest } = context();
    renameSync(join(dir, "containers"), join(dir, "moved"));
    mkdirSync(join(dir, "data2"));
    renameSync(join(dir, "moved"), join(dir, "data2/containers"));
    const source = join(dir, "data2/containers", ID, "hosts");
    writeBundle({ mounts: [{ destination: "/etc/hosts", source }] });
    await create({ store, ...rest }, call());
    const containerDir = join(dir, "data2/containers", ID);
    expect(store.read(ID)).toMatchObject({ containerDir });
    expect(store.links(ID)).toMatchObject({ containerDir });
  });

  test("keeps what its addresses can be asked for again with when the rebuild fails", async () => {
    aliveNetns.clear();
    faults.set("ADD", new Error("no bridge"));
    await expect(create(context(), call())).rejects.toThrow(/no bridge/);
    expect(fileStore(join(dir, "state")).read(ID)).toMatchObject({
      attachments: [{ addresses: ["10.9.0.2/24"] }],
    });
  });
});

const store = () => fileStore(join(dir, "state"));

describe("a kept container whose port was given back", () => {
  beforeEach(async () => {
    const portmap = { type: "portmap", capabilities: { portMappings: true } };
    const plugins = [{ type: "bridge" }, portmap];
    writeFileSync(join(dir, "plugins/portmap"), "");
    writeFileSync(
      join(dir, "net.d/10-lan.conflist"),
      JSON.stringify({ cniVersion: "1.0.0", name: "lan", plugins }),
    );
    engineSays({ NetworkMode: "none", PortBindings: { "80/tcp": [{ HostPort: "40125" }] } });
    await create(context(), call());
    store().markStopped(ID);
    const record = store().read(ID);
    if (typeof record !== "object") throw new Error("no record");
    store().write({ ...record, ports: "released" });
    writeBundle({});
    [events, asked] = [[], []];
  });

  test("has it again beside the runtime, and nothing else is done", async () => {
    expect(await create(context(), call())).toBe(0);
    expect(events.filter((event) => event !== "runc create")).toEqual(["CHECK", "ADD ports"]);
    expect(store().read(ID)).not.toHaveProperty("ports");
  });

  test("gets its network built again where the port cannot be taken alone", async () => {
    faults.set("ADD ports", new CniError({ kind: "plugin", msg: "no chain" }));
    expect(await create(context(), call())).toBe(0);
    expect(events.slice(-3)).toEqual(["DEL", "ADD", "ADD done"]);
    expect(store().read(ID)).not.toHaveProperty("ports");
  });

  test("gives it back when the runtime fails", async () => {
    faults.set("runc create", 1);
    expect(await create(context(), call())).toBe(1);
    expect(events.at(-1)).toBe("DEL ports");
    expect(store().read(ID)).toMatchObject({ state: "attached", ports: "released" });
  });

  test("has it again with the rest where the machine was booted anew", async () => {
    aliveNetns.clear();
    expect(await create({ ...context(), bootId: "boot-2" }, call())).toBe(0);
    expect(events).not.toContain("ADD ports");
    expect(store().read(ID)).not.toHaveProperty("ports");
  });

  test("has it again with the rest where it gets a fresh namespace", async () => {
    writeBundle({ process: { capabilities: { bounding: ["CAP_NET_ADMIN"] } } });
    expect(await create(context(), call())).toBe(0);
    expect(events).not.toContain("ADD ports");
    expect(asked).toMatchObject([{ portMappings: [{ hostPort: 40_125 }] }]);
    expect(store().read(ID)).not.toHaveProperty("ports");
  });

  test("does not start where a process has it, and stays as it was", async () => {
    const server = createServer().listen(40_125);
    try {
      await once(server, "listening");
      await expect(create(context(), call())).rejects.toThrow(
        "port 40125/tcp of the host is taken",
      );
    } finally {
      server.close();
    }
    expect(events).not.toContain("DEL");
    expect(store().read(ID)).toMatchObject({ state: "attached", ports: "released" });
    expect(store().stoppedAt(ID)).toBeDefined();
  });
});

const NONE = { NetworkMode: "none" };
const published = (...ports: number[]) => ({
  ...NONE,
  PortBindings: { "80/tcp": ports.map((port) => ({ HostPort: String(port) })) },
});
const mapping = (hostPort: number) => ({ hostPort, containerPort: 80, protocol: "tcp" }) as const;

/** Makes a container, stops it, and forgets what that did. */
async function makeAndStop(hostConfig: object, ownLabels: object = {}): Promise<void> {
  engineSays(hostConfig, ownLabels);
  await create(context(), call());
  store().markStopped(ID);
  writeBundle({});
  [events, asked] = [[], []];
}

const onBridge = { NetworkMode: "bridge", PortBindings: { "80/tcp": [{ HostPort: "40128" }] } };
/** A container of ours that runs and publishes 40128. */
function other(): void {
  const capabilityArgs = { portMappings: [mapping(40_128)] };
  const list = JSON.stringify({
    cniVersion: "1.0.0",
    name: "lan",
    plugins: [{ type: "bridge" }, { type: "portmap", capabilities: { portMappings: true } }],
  });
  const attached = { network: "lan", ifName: "eth0", list, cniArgs: [], capabilityArgs };
  const containerDir = join(dir, "containers", "other");
  mkdirSync(containerDir);
  mkdirSync(join(dir, "runc/other"), { recursive: true });
  store().prepare("other");
  store().write({
    version: 1,
    id: "other",
    name: "web",
    state: "attached",
    netns: "other",
    bootId: "boot-1",
    createdAt: "2026-01-01T00:00:00Z",
    keep: true,
    containerDir,
    runtimeDir: join(dir, "runc/other"),
    attachments: [{ ...attached, addresses: ["10.9.0.9/24"] }],
  });
}

describe("a container on a network of Docker's own that publishes a port", () => {
  test("is refused where a container of ours has it, which Docker does not know", async () => {
    engineSays(onBridge);
    other();
    await expect(create(context(), call())).rejects.toThrow(
      "-p 40128:80/tcp: port 40128/tcp of the host is taken by container web",
    );
    expect(events).toEqual([]);
  });

  test("has it from one that is stopped", async () => {
    engineSays(onBridge);
    other();
    store().markStopped("other");
    expect(await create(context(), call())).toBe(0);
    expect(events).toEqual(["DEL ports", "runc create"]);
    expect(store().read("other")).toMatchObject({ ports: "released" });
  });

  test.each<{ title: string; says: object }>([
    { title: "publishes another", says: { "80/tcp": [{ HostPort: "40129" }] } },
    { title: "lets Docker choose", says: { "80/tcp": [{ HostPort: "" }] } },
    { title: "publishes what makes no sense", says: { "80/tcp": [{ HostPort: "many" }] } },
  ])("is left alone where it $title", async ({ says }) => {
    engineSays({ ...onBridge, PortBindings: says });
    other();
    expect(await create(context(), call())).toBe(0);
    expect(events).toEqual(["runc create"]);
  });
});

function listOf(name: string): object {
  const portmap = { type: "portmap", capabilities: { portMappings: true } };
  return { cniVersion: "1.0.0", name, plugins: [{ type: "bridge" }, portmap] };
}

/** Writes into the record of a stopped container what an operator's command would. */
function changed(change: (record: SandboxRecord) => Partial<SandboxRecord>): void {
  const record = store().read(ID);
  if (typeof record !== "object") throw new Error("there is no record");
  store().write({ ...record, ...change(record) });
}
function withWan({ attachments }: SandboxRecord): AttachmentRecord[] {
  const list = JSON.stringify(listOf("wan"));
  const more = { network: "wan", ifName: "eth1", list, connected: true } as const;
  return attachments.flatMap((each) => [each, { ...each, ...more }]);
}

function networksAsked(): unknown[] {
  return asked.map((each) => ("network" in each ? each.network : undefined));
}

describe("what was edited in Docker's own files", () => {
  beforeEach(() => {
    writeFileSync(join(dir, "plugins/portmap"), "");
    for (const name of ["lan", "wan"]) {
      writeFileSync(join(dir, `net.d/10-${name}.conflist`), JSON.stringify(listOf(name)));
    }
  });

  test.each<{ title: string; before: object; after: object; gets: object; calls: string[] }>([
    {
      title: "another port is published in its place",
      before: published(40_126),
      after: published(40_127),
      gets: { portMappings: [mapping(40_127)] },
      calls: ["DEL ports", "CHECK", "ADD ports"],
    },
    {
      title: "a first one is published",
      before: NONE,
      after: published(40_127),
      gets: { portMappings: [mapping(40_127)] },
      calls: ["CHECK", "ADD ports"],
    },
    {
      title: "one more is published",
      before: published(40_126),
      after: published(40_126, 40_127),
      gets: { portMappings: [mapping(40_126), mapping(40_127)] },
      calls: ["DEL ports", "CHECK", "ADD ports"],
    },
    {
      title: "none is published any more",
      before: published(40_126),
      after: NONE,
      gets: {},
      calls: ["DEL ports", "CHECK", "ADD ports"],
    },
  ])("counts at the next start: $title, and the addresses stay", async (each) => {
    await makeAndStop(each.before);
    engineSays(each.after);
    expect(await create(context(), call())).toBe(0);
    expect(events.filter((event) => event !== "runc create")).toEqual(each.calls);
    expect(asked).toEqual([each.gets]);
    const record = store().read(ID);
    expect(record).toMatchObject({ attachments: [{ capabilityArgs: each.gets }] });
    expect(record).not.toHaveProperty("ports");
    [events, asked] = [[], []];
    writeBundle({});
    await create(context(), call());
    expect(events.toSorted()).toEqual(["CHECK", "runc create"]);
  });

  test.each<{ title: string; says: object; gets: object }>([
    {
      title: "another network is made",
      says: { "cni.networks": "wan" },
      gets: { network: "wan", args: [["IgnoreUnknown", "1"]] },
    },
    {
      title: "another address is asked for",
      says: { "cni.ip": "10.9.0.2" },
      gets: {
        network: "lan",
        args: [
          ["IgnoreUnknown", "1"],
          ["IP", "10.9.0.2"],
          ["MAC", "02:42:0a:09:00:02"],
        ],
      },
    },
    {
      title: "what is asked for as before keeps its address",
      says: { "cni.aliases": "db" },
      gets: {
        network: "lan",
        args: [
          ["IgnoreUnknown", "1"],
          ["IP", "10.9.0.2"],
          ["MAC", "02:00:00:00:00:01"],
        ],
      },
    },
  ])("counts at the next start: $title", async ({ says, gets }) => {
    await makeAndStop(NONE);
    engineSays({ ...NONE, Annotations: says });
    expect(await create(context(), call())).toBe(0);
    expect(events.slice(0, 2)).toEqual(["DEL", "netns remove"]);
    expect(asked).toEqual([gets]);
    expect(store().read(ID)).toMatchObject({ state: "attached" });
  });

  test("does not count where a network was connected, and nothing was edited", async () => {
    await makeAndStop(NONE);
    changed((record) => ({ attachments: withWan(record) }));
    expect(await create(context(), call())).toBe(0);
    expect(events.toSorted()).toEqual(["CHECK", "CHECK", "runc create"]);
  });

  test("leaves a network connected that the operator connected", async () => {
    await makeAndStop(NONE);
    changed((record) => ({ attachments: withWan(record) }));
    engineSays({ ...NONE, Annotations: { "cni.aliases": "db" } });
    expect(await create(context(), call())).toBe(0);
    expect(networksAsked()).toEqual(["lan", "wan"]);
    expect(store().read(ID)).toMatchObject({
      attachments: [
        { network: "lan", aliases: ["db"] },
        { network: "wan", ifName: "eth1", connected: true },
      ],
    });
  });

  test("makes a connected network the container's own where it asks for that now", async () => {
    await makeAndStop(NONE);
    changed((record) => ({ attachments: withWan(record) }));
    engineSays({ ...NONE, Annotations: { "cni.networks": "wan,lan" } });
    expect(await create(context(), call())).toBe(0);
    expect(networksAsked()).toEqual(["wan", "lan"]);
  });

  test("leaves a network off that the operator disconnected", async () => {
    await makeAndStop(NONE);
    changed((record) => ({ attachments: withWan(record).slice(1), disconnected: ["lan"] }));
    engineSays({ ...NONE, Annotations: { "cni.aliases": "db" } });
    expect(await create(context(), call())).toBe(0);
    expect(networksAsked()).toEqual(["wan"]);
    expect(store().read(ID)).toMatchObject({ disconnected: ["lan"] });
  });

  test.each<{ title: string; after: object; gets: object[] }>([
    {
      title: "ports",
      after: published(40_126, 40_128),
      gets: [{ portMappings: [mapping(40_128), mapping(40_127)] }],
    },
    {
      title: "labels",
      after: { ...published(40_126), Annotations: { "cni.aliases": "db" } },
      gets: [{ portMappings: [mapping(40_127)] }],
    },
    {
      title: "labels, and it asks for no ports",
      after: { ...NONE, Annotations: { "cni.aliases": "db" } },
      gets: [{ portMappings: [mapping(40_127)] }],
    },
  ])("leaves ports as the operator changed them: $title", async ({ after, gets }) => {
    await makeAndStop(published(40_126));
    changed(({ attachments }) => ({
      attachments: attachments.map((each) =>
        Object.assign(each, { capabilityArgs: { portMappings: [mapping(40_127)] } }),
      ),
      ports: "released",
      published: [mapping(40_127)],
      unpublished: [mapping(40_126)],
    }));
    engineSays(after);
    expect(await create(context(), call())).toBe(0);
    expect(asked).toMatchObject(gets);
    expect(store().read(ID)).toMatchObject({
      attachments: [{ capabilityArgs: gets[0] }],
      published: [mapping(40_127)],
      unpublished: [mapping(40_126)],
    });
    expect(store().read(ID)).not.toHaveProperty("ports");
  });

  test("leaves it without a network where none is asked for any more", async () => {
    await makeAndStop(NONE);
    engineSays({ ...NONE, Annotations: { "cni.networks": "none" } });
    expect(await create(context(), call())).toBe(0);
    expect(events).toEqual(["DEL", "netns remove", "runc create"]);
    expect(sandboxes()).toEqual([]);
  });

  test("undoes nothing when it cannot be met", async () => {
    await makeAndStop(NONE);
    engineSays({ ...NONE, Annotations: { "cni.networks": "van" } });
    await expect(create(context(), call())).rejects.toThrow("van");
    expect(events).not.toContain("DEL");
    expect(store().read(ID)).toMatchObject({ state: "attached" });
  });

  test("does not count, and the log says so, where the image of its labels is gone", async () => {
    await makeAndStop(NONE, { "cni.aliases": "db" });
    engineSays(NONE, { "cni.aliases": "database" });
    const { log, lines } = recordingLog();
    expect(await create({ ...context(), log }, call())).toBe(0);
    expect(events.toSorted()).toEqual(["CHECK", "runc create"]);
    expect(JSON.stringify(lines)).toContain("edited, which does not count");
  });
});

describe("a container whose hostconfig.json", () => {
  const spoilt = [
    { title: "is missing", spoil: () => rmSync(hostConfigFile()), told: /cannot be read: ENOENT$/ },
    {
      title: "is broken",
      spoil: () => writeFileSync(hostConfigFile(), '{"NetworkMode"'),
      told: /is not JSON$/,
    },
  ];

  test.each(spoilt)("$title starts without a network, with a warning", async ({ spoil, told }) => {
    spoil();
    const { log, lines } = recordingLog();
    expect(await create({ ...context(), log }, call())).toBe(0);
    expect(events).toEqual(["runc create"]);
    const warnings = lines.filter(({ level }) => level === "warn").map(({ msg }) => msg);
    expect(warnings).toEqual([expect.stringMatching(told)]);
    expect(warnings[0]).toContain(hostConfigFile());
  });

  test.each(spoilt)("$title does not start where it had a network", async ({ spoil, told }) => {
    await create(context(), call());
    fileStore(join(dir, "state")).markStopped(ID);
    writeBundle({});
    events = [];
    spoil();
    await expect(create(context(), call())).rejects.toThrow(told);
    expect(events).toEqual([]);
    expect(fileStore(join(dir, "state")).read(ID)).toMatchObject({ state: "attached" });
    expect(fileStore(join(dir, "state")).stoppedAt(ID)).toBeDefined();
    const lock = await flockLocker().lock(join(dir, "state/sandboxes", ID), "exclusive", 1000);
    expect(lock).toBeDefined();
    lock?.release();
  });
});

function hostConfigFile(): string {
  return join(dir, "containers", ID, "hostconfig.json");
}

function labelled(): CreateContext {
  const { config, ...rest } = context();
  return { ...rest, config: { ...config, attach: "labelled" } };
}

/** Gives the container labels, which its image has too where it is said so. */
function labels(own: Record<string, string>, image?: "image"): void {
  const folder = join(dir, "image/vfs/imagedb/content/sha256");
  mkdirSync(folder, { recursive: true });
  const ofImage = image === undefined ? {} : own;
  writeFileSync(join(folder, "a".repeat(64)), JSON.stringify({ config: { Labels: ofImage } }));
  const config = { Image: `sha256:${"a".repeat(64)}`, Driver: "vfs", Config: { Labels: own } };
  writeFileSync(join(dir, "containers", ID, "config.v2.json"), JSON.stringify(config));
}

describe("where cni.yaml says attach: labelled,", () => {
  test.each<{ title: string; prepare: () => void }>([
    { title: "the label cni.networks", prepare: () => labels({ "cni.networks": "lan" }) },
    {
      title: "the annotation cni.networks",
      prepare: () => writeBundle({ annotations: { "cni.networks": "lan" } }),
    },
    {
      title: "the annotation of the plumbing group",
      prepare: () => writeBundle({ annotations: { "k8s.v1.cni.cncf.io/networks": "lan" } }),
    },
  ])("a container with $title is attached", async ({ prepare }) => {
    prepare();
    await create(labelled(), call());
    expect(events).toContain("ADD");
  });

  test.each<{ title: string; prepare: () => void }>([
    { title: "without labels", prepare: () => labels({}) },
    { title: "with other labels, good or bad,", prepare: () => labels({ "cni.ip": "nonsense" }) },
    {
      title: "whose image brought the label",
      prepare: () => labels({ "cni.networks": "lan" }, "image"),
    },
    {
      title: "on a machine without networks",
      prepare: () => rmSync(join(dir, "net.d/10-lan.conflist")),
    },
  ])("a container $title goes to the runtime as it is", async ({ prepare }) => {
    prepare();
    const before = readFileSync(join(dir, "bundle/config.json"), "utf8");
    await create(labelled(), call());
    expect(events).toEqual(["runc create"]);
    expect(readFileSync(join(dir, "bundle/config.json"), "utf8")).toBe(before);
    expect(sandboxes()).toEqual([]);
  });

  test("a container that was attached before keeps its network", async () => {
    await create(context(), call());
    fileStore(join(dir, "state")).markStopped(ID);
    writeBundle({});
    events = [];
    await create(labelled(), call());
    expect(events.toSorted()).toEqual(["CHECK", "runc create"]);
  });
});

test.each([
  {
    title: "the host's network",
    spec: { linux: { namespaces: [{ type: "pid" }] } },
    hostConfig: { NetworkMode: "host" },
  },
  {
    title: "another container's namespace",
    spec: { linux: { namespaces: [{ type: "network", path: "/proc/7/ns/net" }] } },
    hostConfig: { NetworkMode: "container:x" },
  },
  { title: "Docker's bridge", spec: {}, hostConfig: { NetworkMode: "default" } },
])("a container on $title goes to the runtime as it is", async ({ spec, hostConfig }) => {
  engineSays(hostConfig);
  writeBundle(spec);
  const before = readFileSync(join(dir, "bundle/config.json"), "utf8");
  await create(context(), call());
  expect(events).toEqual(["runc create"]);
  expect(readFileSync(join(dir, "bundle/config.json"), "utf8")).toBe(before);
  expect(sandboxes()).toEqual([]);
});

function inProcess(): CreateContext {
  return { ...context(), isInProcess: () => true };
}

describe("where every plugin is called without a process", () => {
  test("the network is made first, then this process becomes the runtime", async () => {
    const seen: unknown[] = [];
    const own = inProcess();
    const become = own.runtime.become.bind(own.runtime);
    own.runtime.become = async (what) => {
      const record = own.store.read(ID);
      seen.push(typeof record === "object" && record.state, makingOf(own.store, ID));
      await become(what);
    };
    expect(await create(own, call())).toBe(0);
    expect(events).toEqual(["netns add", "ADD", "ADD done", "becomes runc", "runc create"]);
    expect(seen).toEqual(["attached", "at work"]);
    // It could not become the runtime, and ran it: what it answered is known.
    expect(makingOf(own.store, ID)).toBeUndefined();
  });

  test("a network that fails is undone, and there is no runtime", async () => {
    faults.set("ADD", new CniError({ kind: "plugin", msg: "no link" }));
    await expect(create(inProcess(), call())).rejects.toThrow("no link");
    expect(events).not.toContain("becomes runc");
    expect(sandboxes()).toEqual([]);
    expect([...aliveNetns]).toEqual([]);
  });

  test("a first create whose answer nobody heard is made anew by the next", async () => {
    const own = inProcess();
    await create(own, call());
    const folder = join(dir, "state/sandboxes", ID);
    writeFileSync(join(folder, "making"), "1 1\n");
    events.length = 0;
    await create(own, call());
    expect(events.filter((event) => /^(ADD|DEL|netns)/.test(event))).toEqual([
      "DEL",
      "netns remove",
      "netns add",
      "ADD",
      "ADD done",
    ]);
  });

  test("one that was started keeps its network when the runtime fails later", async () => {
    const own = inProcess();
    await create(own, call());
    const folder = join(dir, "state/sandboxes", ID);
    writeFileSync(join(folder, "making"), "");
    own.store.markStopped(ID);
    faults.set("runc create", 1);
    expect(await create(own, call())).toBe(1);
    expect(events).not.toContain("DEL");
    expect(sandboxes()).toEqual([ID]);
  });

  test("a runtime that makes the namespace itself is run, as is one whose network has a plugin's process", async () => {
    const own = { ...context(), isInProcess: () => false };
    await create(own, call());
    expect(events).not.toContain("becomes runc");
  });
});
