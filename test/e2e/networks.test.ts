import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import type { Json, NetworkList } from "./harness/config.ts";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import type { Place } from "./harness/place.ts";
import { must } from "./harness/shell.ts";
import { inHostNetns, netnsNames } from "./harness/traces.ts";

const test = dockerTest({
  iptables: true,
  networks: (place) => ({
    "20-front.conflist": network(place, "front", { ips: true, mac: true }),
    "21-back.conflist": network(place, "back", {}),
    "22-static.conflist": {
      ...network(place, "fixed", {}, { type: "static" }),
    },
    "23-shaped.conflist": {
      cniVersion: "1.0.0",
      name: "shaped",
      plugins: [
        bridge(place, "shaped", {}, hostLocal(place, "shaped")),
        { type: "bandwidth", capabilities: { bandwidth: true } },
      ],
    },
  }),
});

const SUBNETS = { front: 0, back: 64, fixed: 128, shaped: 192 };
type Name = keyof typeof SUBNETS;

function network(place: Place, name: Name, capabilities: Json, ipam?: Json): NetworkList {
  const plugins = [bridge(place, name, capabilities, ipam ?? hostLocal(place, name))];
  return { cniVersion: "1.0.0", name, plugins };
}

function bridge(place: Place, name: Name, capabilities: Json, ipam: Json): Json & { type: string } {
  return { type: "bridge", bridge: `en${place.index}${name}`, isGateway: true, capabilities, ipam };
}

function hostLocal(place: Place, name: Name): Json {
  const ranges = [
    [{ subnet: `${prefix(place)}.${SUBNETS[name]}/26` }],
    [{ subnet: v6(place, name) }],
  ];
  const routes = [{ dst: "0.0.0.0/0" }, { dst: "::/0" }];
  return { type: "host-local", ranges, routes, dataDir: `${place.dir}/leases` };
}

function prefix(place: Place): string {
  return `10.204.${place.index}`;
}

function v6(place: Place, name: Name): string {
  return `fd00:204:${place.index}:${SUBNETS[name]}::/64`;
}

/** What a container that was run with these options prints: its addresses and routes. */
async function seen(host: DockerHost, options: string[], script = SHOW): Promise<string> {
  return host.ok(
    "run",
    "--rm",
    "--runtime",
    "cni",
    "--net",
    "none",
    ...options,
    "busybox",
    "sh",
    "-c",
    script,
  );
}

const SHOW = "ip -o address; ip route; ip -6 route; ip -o link";
const label = (...labels: string[]) => labels.flatMap((text) => ["--label", text]);

describe("cni.networks", () => {
  test("gives several networks, and the first one has the default routes", async ({ host }) => {
    const out = await seen(host, label("cni.networks=front,back@net1"));
    expect(out).toMatch(new RegExp(`eth0\\s+inet ${prefix(host.place)}\\.\\d+/26`));
    expect(out).toMatch(new RegExp(`net1\\s+inet ${prefix(host.place)}\\.\\d+/26`));
    expect(out.match(/default via/g)).toHaveLength(2);
    expect(out).toContain(`default via ${prefix(host.place)}.1 dev eth0`);
    expect(out).toContain(`default via fd00:204:${host.place.index}::1 dev eth0`);
  });

  test("lets another network have the default routes", async ({ host }) => {
    const out = await seen(host, label("cni.networks=front,back", "cni.default-route=back"));
    expect(out.match(/default via/g)).toHaveLength(2);
    expect(out).toContain(`default via ${prefix(host.place)}.65 dev eth1`);
    expect(out).toContain(`default via fd00:204:${host.place.index}:64::1 dev eth1`);
  });

  test("gives no IPv6 to a container that has it switched off, after a restart neither", async ({
    host,
  }) => {
    const sysctl = ["--sysctl", "net.ipv6.conf.all.disable_ipv6=1"];
    const id = await host.sleeper(...label("cni.networks=front,back@net1"), ...sysctl);
    const look = ["exec", id, "sh", "-c", "ip -o address; ip route; cat /etc/hosts"];
    const before = await host.ok(...look);
    expect(before).toMatch(/eth0\s+inet /);
    expect(before).not.toContain("inet6");
    expect(before).not.toContain(`fd00:204:${host.place.index}`);
    await host.ok("restart", id);
    expect(await host.ok(...look)).toBe(before);
    const log = readFileSync(join(host.place.dir, "docker-cni.log"), "utf8");
    expect(log.split("\n").filter((line) => /is rebuilt/.test(line))).toEqual([]);
  });

  test("keeps all of them over a restart", async ({ host }) => {
    const id = await host.sleeper(
      ...label("cni.networks=front,back@net1", "cni.default-route=back"),
    );
    // Whether a plugin or docker-cni set an address is to be seen by this flag.
    const show = async (): Promise<string> =>
      (await host.ok("exec", id, "sh", "-c", SHOW)).replaceAll("flags 02 ", "");
    const before = await show();
    await host.ok("restart", id);
    // An address that the kernel is given again is not looked for on the link again: busybox shows that as flags 02.
    expect(await show()).toBe(before);
  });

  test("none leaves the container alone", async ({ host }) => {
    const out = await seen(host, label("cni.networks=none"), "ip -o link | wc -l");
    expect(out).toBe("1");
    expect(netnsNames(host.place)).toEqual([]);
  });
});

const front = (place: Place) => `default via ${prefix(place)}.1 dev`;

describe("a network that sets a default route and does not tell of it, as Calico does", () => {
  test.for([
    ["calm,front", "", () => "default via 169.254.1.1 dev eth0"],
    ["front,calm", "", (place: Place) => `${front(place)} eth0`],
    ["calm,front", "front", (place: Place) => `${front(place)} eth1`],
    ["front,calm", "front", (place: Place) => `${front(place)} eth0`],
    ["front,calm", "calm", () => "default via 169.254.1.1 dev eth1"],
    ["calm,front", "calm", () => "default via 169.254.1.1 dev eth0"],
    ["calm", "calm", () => "default via 169.254.1.1 dev eth0"],
  ] as const)(
    "%s with cni.default-route=%s: one default route, after a restart and a rebuild too",
    async ([networks, choice, expected], { host }) => {
      host.writePlugin("calm", CALM);
      host.writeNetwork("30-calm.conflist", {
        cniVersion: "1.0.0",
        name: "calm",
        plugins: [{ type: "calm", address: `${prefix(host.place)}.250` }],
      });
      const chosen = choice === "" ? [] : [`cni.default-route=${choice}`];
      const id = await host.sleeper(...label(`cni.networks=${networks}`, ...chosen));
      const look = async () => (await host.ok("exec", id, "ip", "route", "show")).split("\n");
      const defaults = async () => (await look()).filter((line) => line.startsWith("default"));
      expect((await defaults()).map((line) => line.trim())).toEqual([expected(host.place)]);
      const before = await look();
      await host.ok("restart", id);
      expect(await look()).toEqual(before);
      await host.ok("stop", id);
      await must(["ip", "netns", "delete", id.slice(0, 12)]);
      await host.ok("start", id);
      expect((await defaults()).map((line) => line.trim())).toEqual([expected(host.place)]);
      await host.ok("rm", "-f", id);
      host.removeNetwork("30-calm.conflist");
    },
  );
});

/** A plugin that makes an interface and its default route as Calico's does, and tells of the address alone. */
const CALM = `#!/bin/sh
address=$(sed 's/.*"address":"\\([^"]*\\)".*/\\1/')
ns=\${CNI_NETNS##*/}
fail() { printf '{"cniVersion":"1.0.0","code":999,"msg":"%s"}' "$1"; exit 1; }
case $CNI_COMMAND in
ADD) ;;
DEL) ip link delete "cm$(printf %.8s "$CNI_CONTAINERID")" 2>/dev/null; exit 0 ;;
*) exit 0 ;;
esac
{
  ip link add "cm$(printf %.8s "$CNI_CONTAINERID")" type veth peer name "$CNI_IFNAME" netns "$ns" &&
  ip -n "$ns" address add "$address/32" dev "$CNI_IFNAME" &&
  ip -n "$ns" link set "$CNI_IFNAME" up &&
  ip -n "$ns" route add 169.254.1.1 dev "$CNI_IFNAME" scope link
} >&2 || fail "no interface"
ip -n "$ns" route add default via 169.254.1.1 dev "$CNI_IFNAME" >&2 ||
  fail "failed to add route (Ifindex: 3, Dst: 0.0.0.0/0, Gw: 169.254.1.1): file exists"
printf '{"cniVersion":"1.0.0","ips":[{"address":"%s/32"}]}' "$address"
`;

describe("addresses", () => {
  test("by capability, without and with a prefix length, IPv4 and IPv6", async ({ host }) => {
    const ip = `${prefix(host.place)}.7,fd00:204:${host.place.index}::7/64`;
    const mac = "02:42:0a:01:00:07";
    const out = await seen(host, label("cni.networks=front", `cni.ip=${ip}`, `cni.mac=${mac}`));
    expect(out).toContain(`inet ${prefix(host.place)}.7/26`);
    expect(out).toContain(`inet6 fd00:204:${host.place.index}::7/64`);
    expect(out).toContain(mac);
  });

  test("by CNI_ARGS where the network has no capability, for another network by its name", async ({
    host,
  }) => {
    const out = await seen(
      host,
      label(
        "cni.networks=front,back",
        `cni.ip.back=${prefix(host.place)}.77,fd00:204:${host.place.index}:64::7`,
        "cni.mac.back=02:42:0a:02:00:07",
      ),
    );
    expect(out).toMatch(new RegExp(`eth1\\s+inet ${prefix(host.place)}\\.77/26`));
    expect(out).toMatch(/eth1\s+inet6 fd00:204:\d+:64::7\/64/);
    expect(out).toContain("02:42:0a:02:00:07");
  });

  test("of static IPAM", async ({ host }) => {
    const ip = `${prefix(host.place)}.130`;
    const options = label("cni.networks=fixed", `cni.ip=${ip}/26`);
    expect(await seen(host, options)).toContain(`inet ${ip}/26`);
    const bare = label("cni.networks=fixed", `cni.ip=${ip}`);
    const run = ["run", "--rm", "--runtime", "cni", "--net", "none", ...bare];
    expect((await host.docker(...run, "busybox", "true")).stderr).toContain(
      `cni.ip=${ip}: network fixed has no subnet to take the prefix length from (say it: cni.ip=${ip}/24)`,
    );
  });

  test.for([
    ["outside the range", (place: Place) => `${prefix(place)}.77`, /front.*\.77/],
    ["that is the gateway's", (place: Place) => `${prefix(place)}.1`, /gateway/],
  ] as const)(
    "an address %s fails with the plugin's words",
    async ([, ip, words], { host, noLeaks }) => {
      const options = label("cni.networks=front", `cni.ip=${ip(host.place)}`);
      const run = [
        "run",
        "--rm",
        "--runtime",
        "cni",
        "--net",
        "none",
        ...options,
        "busybox",
        "true",
      ];
      const { stderr, exitCode } = await host.docker(...run);
      expect(exitCode).not.toBe(0);
      expect(stderr).toMatch(words);
      await noLeaks();
    },
  );

  test("an address that is taken fails with the plugin's words", async ({ host }) => {
    const options = label("cni.networks=front", `cni.ip=${prefix(host.place)}.9`);
    await host.sleeper(...options);
    const run = ["run", "--rm", "--runtime", "cni", "--net", "none", ...options, "busybox", "true"];
    expect((await host.docker(...run)).stderr).toMatch(
      /requested IP address .*\.9 is not available/,
    );
  });
});

describe("what plugins are told", () => {
  test("bandwidth, in bits a second", async ({ host }) => {
    const id = await host.sleeper(
      ...label("cni.networks=shaped", "cni.bandwidth=ingress=8M,egress=4M"),
    );
    const qdiscs = await must([...inHostNetns(host.place), "tc", "qdisc", "show"]);
    expect(qdiscs).toMatch(/tbf .*rate 8Mbit/);
    expect(qdiscs).toMatch(/tbf .*rate 4Mbit/);
    await host.ok("rm", "-f", id);
  });

  test("arguments of the operator and of the workload, aliases, and args.cni", async ({ host }) => {
    host.writePlugin("tell", TELL);
    host.writeConfig({ workload_args: ["id", "name", "label:team"] });
    host.writeNetwork("30-told.conflist", {
      cniVersion: "1.0.0",
      name: "told",
      plugins: [
        bridge(host.place, "front", {}, hostLocal(host.place, "front")),
        { type: "tell", capabilities: { aliases: true }, file: `${host.place.dir}/told` },
      ],
    });
    const selection = `[{"name":"told","cni-args":{"tier":[2]}}]`;
    const id = await host.sleeper(
      ...label(`k8s.v1.cni.cncf.io/networks=${selection}`, "cni.args=POOL=blue", "team=red"),
      ...label("cni.aliases=db,sql"),
      "--name",
      "teller",
    );
    const told = readFileSync(`${host.place.dir}/told`, "utf8");
    expect(told).toContain(
      `CNI_ARGS=IgnoreUnknown=1;DOCKER_CONTAINER_ID=${id};DOCKER_CONTAINER_NAME=teller;DOCKER_LABEL_TEAM=red;POOL=blue`,
    );
    expect(told).toContain('"args":{"cni":{"tier":[2]}}');
    expect(told).toContain('"runtimeConfig":{"aliases":["db","sql"]}');
    host.removeNetwork("30-told.conflist");
    host.writeConfig();
  });
});

/** A plugin that writes down what it is told at ADD and gives on what was there before. */
const TELL = `#!/bin/sh
config=$(cat)
file=$(printf %s "$config" | sed 's/.*"file":"\\([^"]*\\)".*/\\1/')
[ "$CNI_COMMAND" = ADD ] || exit 0
{ printf 'CNI_ARGS=%s\\n' "$CNI_ARGS"; printf '%s\\n' "$config"; } >"$file"
${process.execPath} -e 'process.stdout.write(JSON.stringify(JSON.parse(process.argv[1]).prevResult))' "$config"
`;

describe("cni.keep", () => {
  test.for([
    ["always", undefined, true],
    ["always", "false", false],
    ["label", undefined, false],
    ["label", "true", true],
    ["never", "true", false],
  ] as const)(
    "keep: %s, with the label %s: kept: %s",
    async ([policy, request, isKept], { host, noLeaks }) => {
      host.writeConfig({ keep: policy });
      const id = await host.sleeper(...(request === undefined ? [] : label(`cni.keep=${request}`)));
      await host.ok("stop", id);
      if (isKept) expect(netnsNames(host.place)).toHaveLength(1);
      else await noLeaks();
      host.writeConfig();
    },
  );
});
