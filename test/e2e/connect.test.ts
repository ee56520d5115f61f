import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { hostLocal } from "./harness/config.ts";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import type { Place } from "./harness/place.ts";
import { must, run } from "./harness/shell.ts";
import { inHostNetns } from "./harness/traces.ts";
import { reboot } from "./life/power.ts";
import { program, programJson, recordPath } from "./life/program.ts";

/** A network with addresses of its own, and a default route. */
function network(place: Place, name: string, third: number) {
  return {
    cniVersion: "1.0.0",
    name,
    plugins: [
      {
        type: "bridge",
        bridge: `en${place.index}${name}`,
        isGateway: true,
        ipMasq: true,
        ipam: Object.assign(hostLocal(place), {
          ranges: [[{ subnet: `10.${third}.${place.index}.0/24` }]],
        }),
      },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  };
}

const test = dockerTest({
  iptables: true,
  networks: (place) => ({
    "20-back.conflist": network(place, "back", 205),
    "21-side.conflist": network(place, "side", 206),
    "22-dual.conflist": {
      cniVersion: "1.0.0",
      name: "dual",
      plugins: [
        {
          type: "bridge",
          bridge: `en${place.index}dual`,
          isGateway: true,
          ipam: Object.assign(hostLocal(place), {
            ranges: [
              [{ subnet: `10.207.${place.index}.0/24` }],
              [{ subnet: `fd00:207:${place.index}::/64` }],
            ],
            routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
          }),
        },
      ],
    },
  }),
});

interface ListedNetwork {
  network: string;
  interface: string;
  addresses: string[];
  mac: string;
  ports: unknown[];
}

async function cni(host: DockerHost, ...args: string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await program(host, ...args);
  expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  return stdout.trim();
}

/** Networks of the container, as ls tells of them. */
async function networksOf(host: DockerHost, id: string): Promise<ListedNetwork[]> {
  const all = await programJson<{ id: string; networks: ListedNetwork[] }[]>(host, "ls");
  return all.find((each) => each.id === id)?.networks ?? [];
}

/** The lines of its routing table that begin with `default`. */
async function defaultRoutes(host: DockerHost, id: string): Promise<string> {
  const text = await must(["nsenter", `--net=${host.netns(id)}`, "ip", "route", "show"]);
  expect(text).not.toContain("128.0.0.0/1");
  return text
    .split("\n")
    .filter((line) => line.startsWith("default"))
    .map((line) => line.trim())
    .join("\n");
}

function hostsOf(host: DockerHost, id: string): string {
  return readFileSync(join(host.place.dir, "data/containers", id, "hosts"), "utf8");
}

async function links(id: string): Promise<string[]> {
  const json = await must(["ip", "-n", id.slice(0, 12), "-j", "link", "show"]);
  const found: { ifname: string }[] = JSON.parse(json);
  return found.map(({ ifname }) => ifname).filter((name) => name !== "lo");
}

describe("connect", () => {
  test("gives a running container an interface, names both ways, and leaves its default route", async ({
    host,
  }) => {
    const web = await host.sleeper("--name", "web");
    const db = await host.sleeper("--name", "db", "--label", "cni.networks=back");
    const routes = await defaultRoutes(host, web);
    const before = await host.interface(web);
    const printed = await cni(host, "connect", "web", "back", "--alias", "shop");
    const { address, mac } = await host.interface(web, "eth1");
    expect(printed).toBe(`eth1  ${address}/24  ${mac}`);
    expect(address).toMatch(/^10\.205\./);
    expect(await defaultRoutes(host, web)).toBe(routes);
    expect(await host.interface(web)).toMatchObject({ address: before.address, mac: before.mac });
    expect(hostsOf(host, db)).toMatch(new RegExp(`^${address}\t.*web.*shop`, "m"));
    const peer = await host.interface(db);
    expect(await host.ok("exec", "web", "ping", "-c", "1", "db")).toContain(`(${peer.address})`);
    expect(await host.ok("exec", "db", "ping", "-c", "1", "shop")).toContain(`(${address})`);
    expect(await networksOf(host, web)).toMatchObject([
      { network: host.place.network, interface: "eth0" },
      { network: "back", interface: "eth1", addresses: [`${address}/24`], mac },
    ]);
    const log = readFileSync(join(host.place.dir, "docker-cni.log"), "utf8");
    expect(log).toMatch(/"event":"connect","networks":\[\{"network":"back","interface":"eth1"/);
    await cni(host, "check");
  });

  test("holds over a restart, a stop and a heal", async ({ host }) => {
    const web = await host.sleeper("--name", "web");
    await cni(host, "connect", "web", "back");
    const first = await host.interface(web, "eth1");
    const routes = await defaultRoutes(host, web);
    const same = async (): Promise<void> => {
      expect(await host.interface(web, "eth1")).toEqual(first);
      expect(await defaultRoutes(host, web)).toBe(routes);
      await cni(host, "check");
    };
    await host.ok("restart", web);
    await same();
    await host.ok("stop", web);
    await host.ok("start", web);
    await same();
    await must(["nsenter", `--net=${host.netns(web)}`, "ip", "address", "flush", "eth1"]);
    expect(await program(host, "check")).toMatchObject({ exitCode: 1 });
    await cni(host, "heal", "web");
    await same();
    await cni(host, "gc");
    await same();
  });

  test("holds over a reboot, and so does disconnect", async ({ host }) => {
    const web = await host.sleeper("--name", "web");
    const other = await host.sleeper("--name", "other");
    await cni(host, "connect", "web", "back");
    await cni(host, "connect", "other", "back");
    await cni(host, "disconnect", "other", host.place.network);
    const [one, two] = [await host.interface(web, "eth1"), await host.interface(other, "eth1")];
    const routes = await defaultRoutes(host, web);
    await reboot(host);
    for (const bridge of ["back", "side"]) {
      const name = `en${host.place.index}${bridge}`;
      await run([...inHostNetns(host.place), "ip", "link", "delete", name]);
    }
    await host.start();
    // A connect to a stopped container whose network is lost waits for its start.
    expect(await cni(host, "connect", "web", "side")).toMatch(
      /^eth2 {2}at the container's next start/,
    );
    await host.ok("start", web, other);
    expect(await host.interface(web, "eth1")).toMatchObject({ address: one.address, mac: one.mac });
    expect((await host.interface(web, "eth2")).address).toMatch(/^10\.206\./);
    expect(await defaultRoutes(host, web)).toBe(routes);
    expect(await host.interface(other, "eth1")).toEqual(two);
    expect(await links(other)).toEqual(["eth1"]);
  });

  test("takes an address, a MAC, an interface and the default route as asked", async ({ host }) => {
    const web = await host.sleeper("--name", "web");
    const routes = await defaultRoutes(host, web);
    const ip = `10.205.${host.place.index}.77`;
    const mac = "02:42:00:00:00:77";
    const flags = ["--ip", ip, "--mac", mac, "--ifname", "back0", "--default-route"];
    await cni(host, "connect", "web", "back", ...flags);
    const got = await host.interface(web, "back0");
    expect(got).toMatchObject({ address: ip, mac });
    expect(await defaultRoutes(host, web)).toBe(
      `default via 10.205.${host.place.index}.1 dev back0`,
    );
    await host.ok("restart", web);
    expect(await host.interface(web, "back0")).toEqual(got);
    await cni(host, "disconnect", "web", "back");
    expect(await defaultRoutes(host, web)).toBe(routes.trim());
    expect(await links(web)).toEqual(["eth0"]);
  });

  test("never leaves a container without its default route", async ({ host }) => {
    const web = await host.sleeper("--name", "web");
    const routes = await defaultRoutes(host, web);
    const look = "while :; do ip route get 192.0.2.1; done 2>&1";
    const looker = spawn("nsenter", [`--net=${host.netns(web)}`, "sh", "-c", look]);
    let seen = "";
    looker.stdout.on("data", (piece: Buffer) => (seen += piece.toString()));
    try {
      await cni(host, "connect", "web", "back");
      await cni(host, "connect", "web", "side");
    } finally {
      looker.kill("SIGKILL");
    }
    const lines = seen.split("\n").filter((line) => line.startsWith("192.0.2.1"));
    expect(lines.length).toBeGreaterThan(20);
    // While another network's route is there as well, the stand-ins are in front of it.
    expect(lines.filter((line) => !line.includes("dev eth0"))).toEqual([]);
    expect(seen).not.toMatch(/unreachable/i);
    expect(await defaultRoutes(host, web)).toBe(routes);
  });

  test("gives IPv6 and its default route to a container that had none", async ({ host }) => {
    const web = await host.sleeper("--name", "web");
    await cni(host, "connect", "web", "dual");
    const has = async (): Promise<void> => {
      const inside = ["nsenter", `--net=${host.netns(web)}`, "ip", "-6"];
      const prefix = `fd00:207:${host.place.index}:`;
      expect(await must([...inside, "address", "show", "eth1"])).toContain(`${prefix}:2/64`);
      expect(await must([...inside, "route", "show", "default"])).toContain(`${prefix}:1 dev eth1`);
      await cni(host, "check");
    };
    await has();
    await host.ok("restart", web);
    await has();
    await cni(host, "disconnect", "web", "dual");
    expect(await links(web)).toEqual(["eth0"]);
    await host.ok("restart", web);
    expect(await links(web)).toEqual(["eth0"]);
  });

  test("takes an address that a stopped container keeps, if it is asked for", async ({ host }) => {
    const web = await host.sleeper("--name", "web");
    const db = await host.sleeper("--name", "db", "--label", "cni.networks=back");
    const { address } = await host.interface(db);
    await host.ok("stop", db);
    await cni(host, "connect", "web", "back", "--ip", address);
    expect((await host.interface(web, "eth1")).address).toBe(address);
    await host.ok("start", db);
    expect((await host.interface(db)).address).not.toBe(address);
  });

  test("works for a stopped container, with CAP_NET_ADMIN too", async ({ host }) => {
    const web = await host.sleeper("--name", "web", "--cap-add", "NET_ADMIN");
    await host.ok("stop", web);
    await cni(host, "connect", "web", "back");
    const addresses = (await networksOf(host, web))[1]?.addresses;
    await host.ok("start", web);
    expect(addresses).toEqual([`${(await host.interface(web, "eth1")).address}/24`]);
    await host.ok("stop", web);
    await cni(host, "disconnect", "web", "eth1");
    await host.ok("start", web);
    expect(await links(web)).toEqual(["eth0"]);
  });

  test("tells what is in the way, and changes nothing", async ({ host }) => {
    const web = await host.sleeper("--name", "web");
    const db = await host.sleeper("--name", "db", "--label", "cni.networks=back");
    const taken = (await host.interface(db)).address;
    await host.ok("run", "-d", "--name", "plain", "--net", "none", "busybox", "sleep", "600");
    const before = readFileSync(recordPath(host, web), "utf8");
    const own = host.place.network;
    for (const [words, message] of [
      [["web", "nowhere"], /no network.*nowhere.*there are: .*back, side/s],
      [["web", own], /connected to network .* already, as eth0/],
      [["web", "back", "--ifname", "eth0"], /has an interface of this name/],
      [["web", "back", "--ip", taken], /--ip 10\.205\.\d+\.\d+: container db has it/],
      [["web", "back", "--ip", "10.9.9.9"], /10\.9\.9\.9|range/],
      [["web", "back", "--ip", "x"], /not an IP address/],
      [["nobody", "back"], /no container "nobody"/],
      [["plain", "back"], /container plain has no CNI network to be changed/],
    ] as const) {
      const { stderr, exitCode } = await program(host, "connect", ...words);
      expect(stderr).toMatch(message);
      expect(exitCode).toBeGreaterThan(0);
    }
    expect((await program(host, "disconnect", "web", "back")).stderr).toMatch(
      /not connected to network "back"/,
    );
    expect(readFileSync(recordPath(host, web), "utf8")).toBe(before);
    expect(await links(web)).toEqual(["eth0"]);
    await cni(host, "check");
  });
});

test("disconnect takes names, leases and the last network, and a connect brings it back", async ({
  host,
}) => {
  const web = await host.sleeper("--name", "web", "-p", "18090:80");
  const db = await host.sleeper("--name", "db");
  expect(hostsOf(host, db)).toMatch(/ web$/m);
  expect(await cni(host, "disconnect", "web", host.place.network)).toBe(
    "no longer published: 18090:80/tcp",
  );
  expect(await links(web)).toEqual([]);
  expect(hostsOf(host, db)).not.toMatch(/ web$/m);
  expect(hostsOf(host, web)).not.toMatch(/ web$/m);
  expect(await cni(host, "ls")).toMatch(/^web /m);
  await host.ok("restart", web);
  expect(await links(web)).toEqual([]);
  await cni(host, "connect", "web", host.place.network);
  expect(await links(web)).toEqual(["eth0"]);
  expect(hostsOf(host, db)).toMatch(/ web$/m);
  await host.ok("restart", web);
  expect(await links(web)).toEqual(["eth0"]);
});
