import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import {
  type BareHost,
  bareTest as test,
  leftOfTests,
  testNamespaces,
} from "./harness/bare-host.ts";
import { defaultNetwork, type Json, type NetworkList } from "./harness/config.ts";
import { waitFor } from "./harness/shell.ts";

interface Result {
  name: string;
  status: string;
  detail: string;
  hint?: string;
  ms: number;
}

interface Report {
  network: string;
  plugins: string[];
  results: Result[];
  times: { plugin: string; command: string; ms: number }[];
  kept: string[];
}

/** Runs the test of one network, and gives what came of each check by its name. */
async function prove(host: BareHost, list: NetworkList, ...args: string[]) {
  host.writeNetwork(`${list.name}.conflist`, list);
  try {
    const { stdout, stderr, exitCode } = await host.cni("test", list.name, "--json", ...args);
    const [report]: Report[] = stdout === "" ? [] : JSON.parse(stdout);
    const results = new Map(report?.results.map((result) => [result.name, result]));
    return { exitCode, stderr, report, results };
  } finally {
    rmSync(join(host.place.dir, "net.d", `${list.name}.conflist`));
  }
}

function statuses(results: ReadonlyMap<string, Result>): Record<string, string> {
  return Object.fromEntries([...results].map(([name, { status }]) => [name, status]));
}

/** A bridge of the host's own; each network has a subnet of its own. */
function bridged(
  host: BareHost,
  name: string,
  more: Json = {},
  ...chained: (Json & { type: string })[]
): NetworkList {
  const { index, dir } = host.place;
  const number = (numbers[name] ??= Object.keys(numbers).length + 1);
  const ipam = {
    type: "host-local",
    ranges: [[{ subnet: `10.209.${index}.${number * 16}/28` }]],
    routes: [{ dst: "0.0.0.0/0" }],
    dataDir: `${dir}/leases`,
  };
  const bridge = { type: "bridge", bridge: `pr${index}n${number}`, isGateway: true, ipam, ...more };
  return { cniVersion: "1.0.0", name, plugins: [bridge, ...chained] };
}
const numbers: Record<string, number> = {};

/** A chained plugin in sh that does this at each command and hands on the previous result. */
function chainedPlugin(commands: Record<string, string>): string {
  const cases = Object.entries(commands).map(([command, script]) => `${command}) ${script} ;;`);
  return `#!/bin/sh
[ "$CNI_COMMAND" = VERSION ] && echo '{"cniVersion":"1.0.0","supportedVersions":["1.0.0"]}' && exit
stdin=$(cat)
case $CNI_COMMAND in
${cases.join("\n")}
esac
[ "$CNI_COMMAND" = ADD ] && printf %s "$stdin" | sed 's/.*"prevResult"://; s/}$//'
exit 0
`;
}

const FAILS = `echo '{"cniVersion":"1.0.0","code":100,"msg":"no luck today"}'; exit 1`;

describe("docker cni test", () => {
  test("proves the network that docker-cni brings", async ({ host }) => {
    const { exitCode, results, report } = await prove(host, defaultNetwork(host.place));
    expect({ exitCode, ...statuses(results) }).toEqual({
      exitCode: 0,
      add: "ok",
      gateway: "ok",
      "tcp-ipv4": "ok",
      "tcp-ipv6": "skip",
      "udp-ipv4": "ok",
      "udp-ipv6": "skip",
      "mtu-ipv4": "ok",
      "mtu-ipv6": "skip",
      name: "ok",
      "host-to-container": "ok",
      "container-to-host": "ok",
      "port-from-host": "ok",
      "port-from-peer": "note",
      "port-hairpin": "ok",
      "port-from-outside": "ok",
      isolation: "skip",
      check: "ok",
      restart: "ok",
      reboot: "ok",
      del: "ok",
      leaks: "ok",
    });
    expect(results.get("tcp-ipv6")?.detail).toBe("the network gives no IPv6 address");
    expect(results.get("port-from-outside")?.detail).toMatch(/^the server sees 192\.0\.2\.\d+$/);
    expect(report?.times.map(({ plugin, command }) => `${command} ${plugin}`)).toEqual(
      expect.arrayContaining(["ADD bridge", "DEL portmap", "CHECK firewall"]),
    );
  });

  test("proves a network of both families", async ({ host }) => {
    const { index } = host.place;
    const list = bridged(host, "both", {
      ipam: {
        type: "host-local",
        ranges: [[{ subnet: `10.209.${index}.240/28` }], [{ subnet: `fd00:209:${index}::/64` }]],
        routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
        dataDir: `${host.place.dir}/leases`,
      },
    });
    const { exitCode, results } = await prove(host, list, "--only", "ipv|host");
    expect({ exitCode, ...statuses(results) }).toEqual({
      exitCode: 0,
      "tcp-ipv4": "ok",
      "tcp-ipv6": "ok",
      "udp-ipv4": "ok",
      "udp-ipv6": "ok",
      "mtu-ipv4": "ok",
      "mtu-ipv6": "ok",
      "host-to-container": "ok",
      "container-to-host": "ok",
      "port-from-host": "skip",
    });
  });

  test("proves macvlan, where the host is not on the network", async ({ host }) => {
    await host.inside("ip", "link", "add", "mvmaster", "type", "bridge");
    await host.inside("ip", "link", "set", "mvmaster", "up");
    const ipam = {
      type: "host-local",
      ranges: [[{ subnet: `10.208.${host.place.index}.0/28` }]],
      dataDir: `${host.place.dir}/leases`,
    };
    const plugins = [{ type: "macvlan", master: "mvmaster", ipam }];
    const list = { cniVersion: "1.0.0", name: "mv", plugins };
    const { exitCode, results } = await prove(host, list);
    expect({ exitCode, ...statuses(results) }).toMatchObject({
      "tcp-ipv4": "ok",
      "mtu-ipv4": "ok",
      "host-to-container": "skip",
      "container-to-host": "skip",
      "port-from-host": "skip",
      reboot: "ok",
      del: "ok",
      leaks: "ok",
    });
    expect(results.get("host-to-container")?.detail).toMatch(/^the gateway .* is not this host$/);
  });

  test("proves ptp, and says which other network is reached from it", async ({ host }) => {
    host.writeNetwork("other.conflist", bridged(host, "other"));
    const ipam = {
      type: "host-local",
      ranges: [[{ subnet: `10.208.${host.place.index}.32/28` }]],
      routes: [{ dst: "0.0.0.0/0" }],
      dataDir: `${host.place.dir}/leases`,
    };
    const list = { cniVersion: "1.0.0", name: "p2p", plugins: [{ type: "ptp", ipam }] };
    const { exitCode, results } = await prove(host, list);
    rmSync(join(host.place.dir, "net.d/other.conflist"));
    expect({ exitCode, ...statuses(results) }).toMatchObject({
      exitCode: 0,
      gateway: "ok",
      "tcp-ipv4": "ok",
      "host-to-container": "ok",
      isolation: "ok",
      reboot: "ok",
      leaks: "ok",
    });
    expect(results.get("isolation")?.detail).toMatch(/^other is (reached|out of reach)$/);
  });

  interface Broken {
    what: string;
    network: (host: BareHost) => NetworkList;
    /** What is done to the host before, and how it is undone. */
    before?: (host: BareHost) => Promise<unknown>;
    after?: (host: BareHost) => Promise<unknown>;
    plugins?: Record<string, string>;
    /** The check that fails, and what it says. */
    line: string;
    says: RegExp;
  }

  const broken: Broken[] = [
    {
      what: "a gateway that nobody has",
      network: (host) => bridged(host, "nogw", { isGateway: false }),
      line: "gateway",
      says: /^nobody answers for 10\.209\./,
    },
    {
      what: "an MTU that its link does not carry",
      network: (host) => bridged(host, "big", {}, { type: "tuning", mtu: 9000 }),
      line: "mtu-ipv4",
      says: /MTU is 9000, and packets of more than 1500 bytes are lost/,
    },
    {
      what: "a plugin that is missing",
      network: (host) => bridged(host, "gone", {}, { type: "no-such-plugin" }),
      line: "add",
      says: /there is no plugin binary "no-such-plugin"/,
    },
    {
      what: "a plugin whose ADD fails",
      network: (host) => bridged(host, "refuses", {}, { type: "refuses" }),
      plugins: { refuses: chainedPlugin({ ADD: FAILS }) },
      line: "add",
      says: /no luck today/,
    },
    {
      what: "a firewall that drops what comes to the host",
      network: (host) => bridged(host, "walled"),
      before: (host) => host.inside("iptables", "-I", "INPUT", "-p", "tcp", "-j", "DROP"),
      after: (host) => host.inside("iptables", "-D", "INPUT", "-p", "tcp", "-j", "DROP"),
      line: "container-to-host",
      says: /^TCP from .*: no answer within 2 s$/,
    },
    {
      what: "a firewall that drops what the host forwards",
      network: (host) =>
        bridged(host, "closed", {}, { type: "portmap", capabilities: { portMappings: true } }),
      before: (host) => host.inside("iptables", "-P", "FORWARD", "DROP"),
      after: (host) => host.inside("iptables", "-P", "FORWARD", "ACCEPT"),
      line: "port-from-outside",
      says: /^TCP from outside to 192\.0\.2\.\d+:\d+: no answer within 2 s$/,
    },
    {
      what: "published ports that loopback does not reach",
      network: (host) =>
        bridged(
          host,
          "nosnat",
          {},
          { type: "portmap", snat: false, capabilities: { portMappings: true } },
        ),
      line: "port-from-host",
      says: /^TCP from the host to 127\.0\.0\.1:\d+: /,
    },
    {
      what: "a plugin that forgets its DEL",
      network: (host) => bridged(host, "forgets", {}, { type: "forgets" }),
      plugins: {
        forgets: chainedPlugin({
          ADD: 'iptables -A OUTPUT -m comment --comment "of $CNI_CONTAINERID" -j ACCEPT',
        }),
      },
      after: (host) => host.inside("iptables", "-F", "OUTPUT"),
      line: "leaks",
      says: /iptables -t filter -A OUTPUT -m comment --comment "of docker-cni-test-/,
    },
  ];

  test.for(broken)("sees $what, and fails at $line", async (row, { host }) => {
    for (const [name, script] of Object.entries(row.plugins ?? {})) host.writePlugin(name, script);
    await row.before?.(host);
    try {
      const { exitCode, results } = await prove(host, row.network(host));
      expect(results.get(row.line)).toMatchObject({ status: "fail" });
      expect(results.get(row.line)?.detail).toMatch(row.says);
      expect(exitCode).toBe(1);
    } finally {
      await row.after?.(host);
    }
  });

  test("notes a CHECK that fails right after ADD, and a DEL that fails, which gc tries again", async ({
    host,
  }) => {
    host.writePlugin("moody", chainedPlugin({ CHECK: FAILS, DEL: FAILS }));
    const list = bridged(host, "moody", {}, { type: "moody" });
    const { exitCode, results } = await prove(host, list, "--only", "^(check|del)$");
    expect({ exitCode, ...statuses(results) }).toEqual({ exitCode: 1, check: "note", del: "fail" });
    expect(results.get("check")?.detail).toContain("the plugin's own error");
    expect(await leftOfTests(host)).not.toEqual([]);
    host.writePlugin("moody", chainedPlugin({}));
    expect(await host.cni("gc")).toMatchObject({ exitCode: 0 });
  });

  test("writes JUnit XML, and a table of at most 80 columns", async ({ host }) => {
    const list = bridged(host, "nogw", { isGateway: false });
    host.writeNetwork("nogw.conflist", list);
    const file = join(host.place.dir, "junit.xml");
    const { stdout, exitCode } = await host.cni("test", "--junit", file);
    rmSync(join(host.place.dir, "net.d/nogw.conflist"));
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^✓ tcp-ipv4 +both ways +\d+ ms$/m);
    expect(stdout).toMatch(/^✗ gateway +nobody answers for/m);
    expect(stdout).toMatch(/^- port-from-host, port-from-peer/m);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    const xml = readFileSync(file, "utf8");
    expect(xml).toMatch(/<testsuite name="nogw" tests="21" failures="1"/);
    expect(xml).toMatch(/<testcase classname="nogw" name="gateway" [^>]*><failure message="nobody/);
  });

  test.for([
    { args: ["no-such-network"], says: /has no network "no-such-network"/ },
    { args: ["--only", "no-such-check"], says: /is the name of no check/ },
    { args: ["--only", "("], says: /no regular expression/ },
    { args: ["--no-such-option"], says: /unknown option/ },
  ])("refuses $args with exit status 2", async ({ args, says }, { host }) => {
    host.writeNetwork("some.conflist", bridged(host, "some"));
    const { exitCode, stderr } = await host.cni("test", ...args);
    rmSync(join(host.place.dir, "net.d/some.conflist"));
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(says);
  });

  test("keeps the namespaces with --keep, until gc or the next test", async ({ host }) => {
    const list = bridged(host, "kept");
    const { report, exitCode } = await prove(host, list, "--only", "^add$", "--keep");
    expect(exitCode).toBe(0);
    expect(report?.kept.length).toBe(2);
    expect(testNamespaces(host.place).toSorted()).toEqual(report?.kept.toSorted());
    // A timer's gc is not a person's.
    await host.cni("gc", "--background");
    expect(testNamespaces(host.place).length).toBe(2);
    await host.cni("gc");
    expect(testNamespaces(host.place)).toEqual([]);
  });

  test.for(["SIGINT", "SIGTERM"] as const)("undoes what it made at %s", async (name, { host }) => {
    const child = await startAndWait(host);
    child.kill(name);
    const status = await new Promise((resolve) => child.once("close", resolve));
    expect(status).toBe(name === "SIGINT" ? 130 : 143);
    await expect.poll(() => leftOfTests(host)).toEqual([]);
  });

  test.for(["gc", "test"])("is killed, and %s undoes what it left", async (verb, { host }) => {
    const child = await startAndWait(host);
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("close", resolve));
    expect(testNamespaces(host.place).length).toBeGreaterThan(0);
    const args = verb === "gc" ? [] : ["--only", "^add$"];
    expect(await host.cni(verb, ...args)).toMatchObject({ exitCode: 0 });
    await expect.poll(() => leftOfTests(host), { timeout: 5000 }).toEqual([]);
    rmSync(join(host.place.dir, "net.d/slow.conflist"), { force: true });
  });
});

/** Starts a test, and gives its process while the peers are there and it waits for an answer that does not come. */
async function startAndWait(host: BareHost) {
  host.writeNetwork("slow.conflist", bridged(host, "slow", { isGateway: false }));
  const [command = "", ...args] = host.argv("test", "slow");
  const child = spawn(command, args, { stdio: "ignore" });
  await waitFor("two peers", () => (testNamespaces(host.place).length === 2 ? true : undefined));
  // The gateway that nobody has is waited for.
  await new Promise((resolve) => setTimeout(resolve, 500));
  return child;
}
