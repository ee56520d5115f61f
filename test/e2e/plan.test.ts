import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { hostLocal, type Json, REPOSITORY } from "./harness/config.ts";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import { run, type CommandResult } from "./harness/shell.ts";
import { inHostNetns } from "./harness/traces.ts";

const test = dockerTest({
  iptables: true,
  networks: (place) => ({
    "20-seen.conflist": {
      cniVersion: "1.0.0",
      name: "seen",
      plugins: [
        { type: "seen", bridge: place.bridge, isGateway: true, ipam: hostLocal(place) },
        { type: "portmap", capabilities: { portMappings: true } },
      ],
    },
  }),
});

/** The plugin bridge, and what it was called with. */
const SEEN = `#!/bin/sh
stdin=$(cat)
[ "$CNI_COMMAND" = VERSION ] || {
    printf '%s' "$stdin" >"\${0%/*}/$CNI_COMMAND.json"
    env | grep ^CNI_ | sort >"\${0%/*}/$CNI_COMMAND.env"
}
printf '%s' "$stdin" | sed 's/"type":"seen"/"type":"bridge"/' | /usr/lib/cni/bridge
`;

interface Plan {
  id: string;
  name: string | null;
  from: string;
  kind: string;
  reason: string;
  netns: string;
  notes: string[];
  values: { value: string; is: string; from: string }[];
  config: string;
  calls: { plugin: string; command: string; env: Record<string, string>; stdin: Json }[];
}

/** Docker's folders are looked for on the whole machine, where other hosts have containers of common names. */
function nameOn({ place }: DockerHost): string {
  return `planned-${place.index}`;
}

function cni(host: DockerHost, ...args: string[]): Promise<CommandResult> {
  const config = join(host.place.dir, "cni.yaml");
  const own = [join(REPOSITORY, "bin/docker-cni"), "--config", config];
  return run([...inHostNetns(host.place), ...own, ...args]);
}

/** The plan, after a look that nothing was touched by it. */
async function plan(host: DockerHost, ...args: string[]): Promise<Plan> {
  const before = fingerprint(host);
  const { stdout, stderr, exitCode } = await cni(host, "plan", "--json", ...args);
  expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  expect(fingerprint(host)).toEqual(before);
  const planned: Plan = JSON.parse(stdout);
  return planned;
}

/** Everything below the state folder, Docker's folders of containers and leases, byte by byte; and the namespaces. */
function fingerprint({ place }: DockerHost): string[] {
  const folders = ["state", "data/containers", "leases"].map((name) => join(place.dir, name));
  // Others on this machine make namespaces too: each has a note of whose it is.
  const namespaces = entries("/run/docker-cni/netns");
  return [
    ...folders.flatMap(entries),
    ...namespaces.filter((entry) => entry.includes(` ${place.dir}/`)),
  ];
}

function entries(path: string): string[] {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return [];
  const head = `${path} ${stat.mode} ${stat.ino} ${stat.mtimeMs} ${stat.ctimeMs}`;
  if (stat.isDirectory()) {
    return [head, ...readdirSync(path).flatMap((name) => entries(join(path, name)))];
  }
  if (stat.isSymbolicLink()) return [`${head} ${readlinkSync(path)}`];
  if (!stat.isFile()) return [head];
  return [`${head} ${createHash("sha256").update(readFileSync(path)).digest("hex")}`];
}

/** What the plugin was called with last. */
function seen(
  { place }: DockerHost,
  command: string,
): { stdin: Json; env: Record<string, string> } {
  const read = (kind: string): string =>
    readFileSync(join(place.dir, "plugins", `${command}.${kind}`), "utf8");
  const env = read("env")
    .trim()
    .split("\n")
    .map((line): [string, string] => [
      line.slice(0, line.indexOf("=")),
      line.slice(line.indexOf("=") + 1),
    ]);
  return { stdin: JSON.parse(read("json")), env: Object.fromEntries(env) };
}

const ON_SEEN = ["--runtime", "cni", "--net", "none", "--label", "cni.networks=seen"];

describe("docker cni plan", () => {
  test.for([
    { what: "a container that nobody started", options: [] },
    { what: "one that may change its network", options: ["--cap-add", "NET_ADMIN"] },
  ])("tells of $what what its plugins are called with then", async ({ options }, { host }) => {
    host.writePlugin("seen", SEEN);
    const own = [...ON_SEEN, ...options, "-p", "18099:80", "--stop-signal", "KILL"];
    const address = `${host.place.prefix}.77`;
    await host.ok(
      "create",
      "--name",
      nameOn(host),
      ...own,
      "--label",
      `cni.ip=${address}`,
      "busybox",
      "sleep",
      "3600",
    );
    const fresh = await plan(host, nameOn(host));
    expect(existsSync(fresh.netns)).toBe(false);
    expect(fresh).toMatchObject({ name: nameOn(host), kind: "new", reason: "no network yet" });
    expect(fresh.calls.map(({ command, plugin }) => `${command} ${plugin}`)).toEqual([
      "ADD seen",
      "ADD portmap",
    ]);
    expect(fresh.values).toEqual(
      expect.arrayContaining([
        { value: "cni.networks", is: "seen", from: "--label" },
        { value: "cni.ip", is: address, from: "--label" },
        { value: "port", is: "18099->80/tcp", from: "asked for" },
        { value: "cni_ifname", is: "eth0", from: "default" },
        { value: "cni_bin_dir", is: expect.stringContaining("/plugins:"), from: "cni.yaml" },
      ]),
    );
    await host.ok("start", nameOn(host));
    const [first] = fresh.calls;
    expect(seen(host, "ADD")).toEqual({ stdin: first?.stdin, env: first?.env });
    await host.ok("stop", "-t", "0", nameOn(host));
    const again = await plan(host, nameOn(host));
    const [call] = again.calls;
    const [kind, command] = options.length === 0 ? ["rejoin", "CHECK"] : ["rebuild", "ADD"];
    expect({ kind: again.kind, command: call?.command }).toEqual({ kind, command });
    expect(again.values).toContainEqual({
      value: "address on seen",
      is: `${address}/25`,
      from: "kept",
    });
    await host.ok("start", nameOn(host));
    expect(seen(host, command)).toEqual({ stdin: call?.stdin, env: call?.env });
  });

  test("tells of a bundle what changes in its config.json, to the digit", async ({ host }) => {
    const dir = join(host.place.dir, "b1");
    mkdirSync(dir);
    const config = `{"ociVersion":"1.0.2","process":{"rlimits":[{"hard":18446744073709551615}]},"annotations":{"cni.networks":"seen"},"linux":{"namespaces":[{"type":"network"}]}}`;
    writeFileSync(join(dir, "config.json"), config);
    host.writePlugin("seen", SEEN);
    const planned = await plan(host, dir);
    expect(planned).toMatchObject({ id: "b1", kind: "new", from: join(dir, "config.json") });
    expect(planned.config).toContain('+        "path": "/run/netns/b1"');
    expect(planned.config).not.toContain("+  18446744073709552000");
    expect(readFileSync(join(dir, "config.json"), "utf8")).toBe(config);
    const { stdout } = await cni(host, "plan", dir);
    expect(stdout).toMatch(
      /^Plan {7}a new network in a namespace that is made for it: no network yet$/m,
    );
    expect(stdout).toMatch(/^cni\.networks +seen +--annotation$/m);
  });

  test.for([
    { options: ["--net", "host"], reason: 'it is on the engine\'s network "host"' },
    {
      options: ["--net", "none", "--label", "cni.networks=none"],
      reason: "it opted out: cni.networks is none",
    },
  ])("says that a container with $options is left alone", async ({ options, reason }, { host }) => {
    await host.ok("create", "--name", nameOn(host), "--runtime", "cni", ...options, "busybox");
    expect(await plan(host, nameOn(host))).toMatchObject({
      kind: "unchanged",
      reason,
      calls: [],
      config: "",
    });
  });

  test.for([
    { args: ["nobody"], status: 2, says: /no container "nobody" is known/ },
    { args: ["./no/bundle"], status: 1, says: /cannot read .*no\/bundle\/config\.json: ENOENT/ },
    { args: ["WEB", "--id", "x"], status: 2, says: /--id is for a bundle/ },
    { args: ["WEB"], status: 1, says: /--label cni\.ip="10\.1": .* is not an IP address/ },
  ])("ends with $status for $args", async ({ args, status, says }, { host }) => {
    const own = ["--runtime", "cni", "--net", "none", "--label", "cni.ip=10.1"];
    await host.ok("create", "--name", nameOn(host), ...own, "busybox");
    const before = fingerprint(host);
    const { exitCode, stderr } = await cni(
      host,
      "plan",
      ...args.map((arg) => arg.replace("WEB", nameOn(host))),
    );
    expect(exitCode).toBe(status);
    expect(stderr).toMatch(says);
    expect(fingerprint(host)).toEqual(before);
  });
});
