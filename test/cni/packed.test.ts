import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { containerAddresses, createCni, loadNetworkListFile } from "../../src/cni/index.ts";
import { attachment, failure, fakePlugins, networkList, print, tempDir } from "./harness.ts";
import { testHost } from "./host.ts";
import { configBelow, packLibrary, programHeadings, type PackedLibrary } from "./packed.ts";

let packed: PackedLibrary;

beforeAll(() => {
  packed = packLibrary();
}, 60_000);

afterAll(() => packed.remove());

/** What each program of docs/cni.md is given, and what it prints. */
const programs: readonly [heading: string, prepare: () => Prepared | Promise<Prepared>][] = [
  ["An example", attachToLan],
  ["STATUS and GC", collectGarbage],
  ["Reacting to errors", failInEveryWay],
  ["A fake plugin exec in tests", () => ({ nodeArgs: ["--test-reporter=dot"], output: ".\n" })],
  ["A hand-made list", () => ({ output: "made: portMappings\nsingle: no capabilities\n" })],
];

interface Prepared {
  nodeArgs?: string[];
  args?: string[];
  env?: NodeJS.ProcessEnv;
  output: string;
  run?: (command: string, ...args: string[]) => string;
}

test.each(programs)("the program of %j prints what it says", async (heading, prepare) => {
  const { nodeArgs = [], args = [], env = {}, output, run } = await prepare();
  const argv = [...nodeArgs, packed.program(heading), ...args];

  const printed =
    run === undefined
      ? packed.run(process.execPath, argv, { ...process.env, ...env })
      : run(process.execPath, ...argv);

  expect(printed).toBe(output);
});

test("every program of the page is run by a test, and passes the type checker", () => {
  const headings = programHeadings();
  expect([...programs.map(([heading]) => heading), "Writing a plugin"]).toEqual(headings);
  const strict = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2023"];
  const tsc = join(import.meta.dirname, "../../node_modules/.bin/tsc");

  packed.run(tsc, [...strict, "--types", "node", ...headings.map(packed.program)]);
});

test("the package has two entries and no other, and they are loaded by every Node at hand", () => {
  const script = `
    const names = await Promise.all(
      process.argv.slice(1).map((entry) => import(entry).then(Object.keys, ({ code }) => code)),
    );
    console.log(JSON.stringify(names.map((each) => (Array.isArray(each) ? "loaded" : each))));
  `;
  const entries: Record<string, string> = {
    "docker-cni/libcni": "loaded",
    "docker-cni/libcni/plugin": "loaded",
    "docker-cni": "ERR_PACKAGE_PATH_NOT_EXPORTED",
    "docker-cni/dist/libcni/cache.js": "ERR_PACKAGE_PATH_NOT_EXPORTED",
  };

  const results = nodes().map((node): unknown => {
    const argv = ["--input-type=module", "--eval", script, ...Object.keys(entries)];
    return JSON.parse(packed.run(node, argv));
  });

  expect(results).toEqual(results.map(() => Object.values(entries)));
});

describe("the plugin of the page", () => {
  test("says what it is when a person starts it", () => {
    const { binDir, env } = installPlugin();

    const { status, stdout, stderr } = spawnSync(join(binDir, "own-bridge"), {
      env,
      encoding: "utf8",
    });

    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
    expect(stderr).toMatch(/^CNI plugin own-bridge: .*\nCNI protocol versions supported: 0.1.0, /);
  });

  test("attaches, checks and detaches a container", async () => {
    const host = testHost();
    const { binDir, cacheDir, conflist, env, leases } = installPlugin();
    const cni = createCni({ pluginDirs: [binDir, ...host.pluginDirs], cacheDir, env });
    const list = await loadNetworkListFile(conflist);
    const rt = { containerId: "example", netns: host.netns, ifName: "eth0" };

    await cni.validateNetworkList(list);
    const result = await cni.addNetworkList(list, rt);
    await cni.checkNetworkList(list, rt);

    expect(containerAddresses(result)).toMatchObject({ ips: ["10.201.7.2/24"], ifName: "eth0" });
    expect(host.addresses("eth0").ips).toEqual(["10.201.7.2/24"]);
    expect(leases()).toContain("10.201.7.2");

    host.ipInContainer("link", "delete", "eth0");
    expect(await failure(cni.checkNetworkList(list, rt))).toMatchObject({
      code: 999,
      msg: "there is no interface eth0",
    });
    await cni.delNetworkList(list, rt);
    expect(leases()).not.toContain("10.201.7.2");
  });

  test.skipIf(findInPath("cnitool") === undefined)("does so for cnitool too", () => {
    const host = testHost();
    const { binDir, conflist, env, leases } = installPlugin();
    const CNI_PATH = [binDir, ...host.pluginDirs].join(delimiter);
    const cnitool = (verb: string): string =>
      packed.run("cnitool", [verb, "inner", host.netns], {
        ...env,
        CNI_PATH,
        NETCONFPATH: dirname(conflist),
      });

    expect(JSON.parse(cnitool("add"))).toMatchObject({ ips: [{ address: "10.201.7.2/24" }] });
    cnitool("check");
    expect(host.addresses("eth0").ips).toEqual(["10.201.7.2/24"]);
    cnitool("del");
    expect(leases()).not.toContain("10.201.7.2");
  });
});

interface InstalledPlugin {
  binDir: string;
  cacheDir: string;
  conflist: string;
  /** With this Node first on PATH: that of the system may not run TypeScript. */
  env: NodeJS.ProcessEnv;
  leases: () => string[];
}

/** Installs the plugin as the page says, with its configuration. */
function installPlugin(): InstalledPlugin {
  const heading = "Writing a plugin";
  const dir = tempDir();
  const program = packed.program(heading);
  chmodSync(program, 0o755);
  symlinkSync(program, join(dir, "own-bridge"));
  const conflist = join(dir, "20-inner.conflist");
  writeFileSync(conflist, configBelow(heading).replace("/run/example", dir));
  const PATH = [dirname(process.execPath), process.env["PATH"]].join(delimiter);
  return {
    binDir: dir,
    cacheDir: join(dir, "cache"),
    conflist,
    env: { ...process.env, PATH },
    leases: () => readdirSync(join(dir, "ipam/inner")),
  };
}

function findInPath(name: string): string | undefined {
  const dirs = (process.env["PATH"] ?? "").split(delimiter);
  return dirs.map((dir) => join(dir, name)).find((path) => existsSync(path));
}

/** This Node, and that of the system, which is often older. */
function nodes(): string[] {
  const dirs = (process.env["PATH"] ?? "").split(delimiter);
  const found = dirs.filter((dir) => !dir.includes("node_modules")).map((dir) => join(dir, "node"));
  return [process.execPath, ...found.filter(isNode20)];
}

function isNode20(path: string): boolean {
  try {
    const major = Number.parseInt(packed.run(path, ["--version"]).slice(1), 10);
    return major >= 20;
  } catch {
    return false;
  }
}

function attachToLan(): Prepared {
  const host = testHost();
  const dir = tempDir();
  mkdirSync(join(dir, "net.d"));
  writeFileSync(
    join(dir, "net.d/10-lan.conflist"),
    configBelow("An example").replace("/run/example", dir),
  );
  return {
    args: [host.netns, join(dir, "net.d"), dir],
    run: host.run,
    output: "attached: 10.201.9.50/24 02:00:00:00:09:50\n",
  };
}

async function collectGarbage(): Promise<Prepared> {
  const fake = fakePlugins("bridge");
  fake.answer("bridge", "STATUS", `${print({ code: 50, msg: "no uplink" })}exit 1\n`);
  const list = networkList(["bridge"], { cniVersion: "1.1.0" });
  for (const containerId of ["c1", "c2", "c3"]) {
    await fake.cni().addNetworkList(list, { ...attachment, containerId });
  }
  writeFileSync(join(fake.dir, "10-lan.conflist"), list.raw);
  return {
    args: [fake.dir, fake.binDir, fake.cacheDir, "c1", "c3"],
    env: { FAKE_DIR: fake.dir },
    output: "not ready, code 50: no uplink\nkept 2 of 3\n",
  };
}

function failInEveryWay(): Prepared {
  const fake = fakePlugins("full", "stern", "broken", "fine");
  fake.answer("full", "ADD", `${print({ code: 11, msg: "no address is free" })}exit 1\n`);
  fake.answer("stern", "ADD", `${print({ code: 100, msg: "no" })}exit 1\n`);
  fake.answer("broken", "ADD", "echo oops\n");
  return {
    args: [
      fake.binDir,
      fake.cacheDir,
      "/run/netns/example",
      "full",
      "stern",
      "broken",
      "fine",
      "absent",
      "../bin/fine",
    ],
    env: { FAKE_DIR: fake.dir },
    output: [
      "try again later",
      "ask why stern refuses: no (code 100)",
      "repair broken: it printed no JSON: oops",
      "install absent",
      'correct the configuration: invalid network configuration: "type" in plugin 1 is "../bin/fine": it has to be the plain name of an executable, without a slash',
      "",
    ].join("\n"),
  };
}
