import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { resolveConfig } from "../../src/config/config.ts";
import { editInPlace } from "../../src/names/file-in-place.ts";
import { withOwnLines } from "../../src/names/own-lines-text.ts";
import type { Spec } from "../../src/oci/spec.ts";
import { parseCreateCall } from "../../src/runtime/args.ts";
import { create } from "../../src/runtime/create.ts";
import { hasGarbage } from "../../src/state/facts.ts";
import { sweep } from "../../src/sandbox/gc.ts";
import type { SandboxRecord } from "../../src/state/record.ts";
import { keptRecord, RESULT, useBench } from "../sandbox/context.ts";

const ID = "0123456789ab".padEnd(64, "c");
// Ten thousand folders are made soonest in memory.
if (existsSync("/dev/shm")) process.env["TMPDIR"] = "/dev/shm";
const bench = useBench();

/** What Docker's files say of the container that is started. */
interface Container {
  name?: string;
  hostConfig?: Record<string, unknown>;
  annotations?: Record<string, string>;
}

/** Starts a container of Docker's, and gives what was remembered of it. */
async function start({ name = "web", hostConfig = {}, annotations = {} }: Container) {
  const { dir, context } = bench.current;
  const containerDir = join(dir, "containers", ID);
  for (const each of [containerDir, join(dir, "bundle")]) mkdirSync(each, { recursive: true });
  const said = { NetworkMode: "none", Annotations: annotations, ...hostConfig };
  writeFileSync(join(containerDir, "hostconfig.json"), JSON.stringify(said));
  writeFileSync(join(containerDir, "config.v2.json"), JSON.stringify({ Name: `/${name}` }));
  const spec: Spec = {
    ociVersion: "1.0.2",
    linux: { namespaces: [{ type: "network" }] },
    mounts: [{ destination: "/etc/hosts", source: join(containerDir, "hosts") }],
  };
  writeFileSync(join(dir, "bundle/config.json"), JSON.stringify(spec));
  const config = resolveConfig({
    cni_conf_dir: join(dir, "net.d"),
    cni_bin_dir: join(dir, "plugins"),
    state_dir: join(dir, "state"),
  });
  const runtime = {
    path: "/usr/bin/runc",
    run: async () => 0,
    become: async () => {},
    deleteForce: async () => {},
    stateDir: () => join(dir, "runc", ID),
  };
  const install = { launcher: "/l/docker-cni", hooksDir: "/l/hooks", configFile: "" };
  const env = { PATH: "/usr/bin" };
  const whole = { ...context, config, runtime, install, env, startGc: () => {} };
  const call = parseCreateCall(["create", "--bundle", join(dir, "bundle"), ID]);
  expect(await create(whole, call)).toBe(0);
  const record = context.store.read(ID);
  if (record === undefined || record === "unreadable") throw new Error("no record");
  return record;
}

function writeNetwork(name: string): void {
  const { dir } = bench.current;
  const plugins = [{ type: "bridge" }, { type: "portmap", capabilities: { portMappings: true } }];
  const list = { cniVersion: "1.0.0", name, plugins };
  writeFileSync(join(dir, "net.d", `${name}.conflist`), JSON.stringify(list));
}

beforeEach(() => {
  const { dir } = bench.current;
  for (const folder of ["net.d", "plugins"]) mkdirSync(join(dir, folder));
  for (const plugin of ["bridge", "portmap"]) writeFileSync(join(dir, "plugins", plugin), "");
  writeNetwork("lan");
});

describe("a container may have", () => {
  test("the longest names of network, interface and itself", async () => {
    const network = "n".repeat(100);
    const ifName = "i".repeat(15);
    const name = "c".repeat(1000);
    writeNetwork(network);
    const annotations = { "cni.networks": `${network}@${ifName}` };
    const interfaces = [{ name: ifName, sandbox: "/run/netns/c1" }];
    bench.current.results.push({ ...RESULT, interfaces });
    const record = await start({ name, annotations });
    expect(record).toMatchObject({ name, names: [], attachments: [{ network, ifName }] });
  });

  test.each([
    ["a network's name", "n".repeat(101), /cni\.networks=/],
    ["an interface's name", `lan@${"i".repeat(16)}`, /cni\.networks=/],
    ["a value", `lan,${"n".repeat(8200)}`, /longer than 8192 characters/],
  ])("no longer one than that: %s is refused by its annotation's name", async (_, value, words) => {
    await expect(start({ annotations: { "cni.networks": value } })).rejects.toThrow(words);
    expect(bench.current.context.store.list()).toEqual([]);
  });

  test("64 networks", async () => {
    const names = Array.from({ length: 64 }, (_, place) => `net${place}`);
    for (const name of names) writeNetwork(name);
    const record = await start({ annotations: { "cni.networks": names.join(",") } });
    expect(record.attachments.map(({ network }) => network)).toEqual(names);
    expect(record.attachments.at(-1)?.ifName).toBe("eth63");
  });

  test("500 published ports, of its choice and of docker's", async () => {
    const PortBindings = Object.fromEntries(
      Array.from({ length: 500 }, (_, place) => [
        `${place + 1000}/udp`,
        [{ HostIp: "127.0.0.1", HostPort: place < 250 ? String(place + 20_000) : "" }],
      ]),
    );
    const record = await start({ hostConfig: { PortBindings } });
    const ports = record.attachments[0]?.capabilityArgs["portMappings"];
    expect(ports).toHaveLength(500);
  });
});

test("a hosts file of 1 MiB is edited, and a larger one left alone", () => {
  const file = join(bench.current.dir, "hosts");
  for (const [bytes, isEdited] of [
    [1 << 20, true],
    [(1 << 20) + 1, false],
  ] as const) {
    writeFileSync(file, "\n".repeat(bytes));
    expect(editInPlace(file, (text) => withOwnLines(text, "10.0.0.2\tweb\n"))).toBe(isEdited);
  }
});

/** Makes their sandboxes as they are after a stop; each has given back a port. */
function fill(count: number): void {
  const { dir, context } = bench.current;
  for (let place = 0; place < count; place++) {
    const id = `k${place}`;
    const containerDir = join(dir, "containers", id);
    mkdirSync(containerDir, { recursive: true });
    const record: SandboxRecord = keptRecord(bench.current, {
      id,
      netns: id,
      containerDir,
      ports: "released",
    });
    const [only] = record.attachments;
    if (only) {
      only.addresses = [`10.${place >> 8}.${place & 255}.2/24`];
      only.capabilityArgs = { portMappings: [{ hostPort: 70_000 + place, containerPort: 80 }] };
    }
    context.store.prepare(id);
    context.store.write(record, { durable: false });
    context.store.markStopped(id);
  }
}

/** How much work it is, ms of this process's time: what else the machine does has no part in it. */
async function timed(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

describe("beside 10,000 stopped containers that keep their networks", () => {
  test("a start, the allotment of its ports, the look for garbage and gc stay bounded", async () => {
    const { context, results, namespaces } = bench.current;
    context.names = "hosts";
    results.push(RESULT, RESULT, RESULT);
    const publishing = { hostConfig: { PortBindings: { "80/tcp": [{ HostPort: "18080" }] } } };
    const again = (container: Container) => {
      context.store.remove(ID);
      namespaces.clear();
      return timed(() => start(container));
    };
    const alone = await timed(() => start(publishing));
    fill(10_000);
    expect((await again({})) - alone).toBeLessThan(1000);
    // Every record is read twice, the second time while nobody else is allotted ports.
    expect((await again(publishing)) - alone).toBeLessThan(1500);
    expect(await timed(() => expect(hasGarbage(context)).toBe(false))).toBeLessThan(1000);
    expect(await timed(() => sweep(context))).toBeLessThan(2000);
  }, 120_000);
});
