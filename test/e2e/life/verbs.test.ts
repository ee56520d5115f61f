import { describe, expect } from "vitest";
import { dockerTest } from "../harness/fixture.ts";
import { must } from "../harness/shell.ts";
import { program, programJson } from "./program.ts";

const test = dockerTest({ iptables: true });

interface LsJson {
  id: string;
  name: string;
  state: string;
  networks: { interface: string; addresses: string[]; mac: string; ports: unknown[] }[];
}

interface HealthJson {
  id: string;
  health: string;
}

test("ls lists running and stopped containers with what they have", async ({ host }) => {
  const web = await host.sleeper("--name", "web", "-p", "127.0.0.1:18080:80");
  const db = await host.sleeper("--name", "db");
  await host.ok("stop", db);
  const link = await host.interface(web);
  const listed = await programJson<LsJson[]>(host, "ls");
  expect(listed.map(({ name, state }) => ({ name, state }))).toEqual([
    { name: "db", state: "kept" },
    { name: "web", state: "running" },
  ]);
  expect(listed[1]).toMatchObject({
    id: web,
    networks: [
      {
        network: host.place.network,
        interface: "eth0",
        addresses: [`${link.address}/25`],
        mac: link.mac,
        ports: [{ hostPort: 18_080, containerPort: 80, hostIP: "127.0.0.1", protocol: "tcp" }],
      },
    ],
  });
  const { stdout } = await program(host, "ls");
  const [head, ...rows] = stdout.split("\n");
  expect(head).toMatch(/^CONTAINER +ID +NETWORK +ADDRESS +PORTS +STATE +AGE$/);
  expect(rows).toHaveLength(2);
  expect(rows[1]).toContain("127.0.0.1:18080->80/t…");
  const whole = (await program(host, "ls", "--no-trunc", "--filter", "name=we")).stdout;
  expect(whole.split("\n")).toEqual([
    expect.stringMatching(/^CONTAINER +ID +NETWORK +INTERFACE +ADDRESS +MAC +PORTS +STATE +AGE$/),
    expect.stringMatching(`^web +${web} .* ${link.mac} +127.0.0.1:18080->80/tcp +running`),
  ]);
  const format = '{{.Name}} {{.State}} {{join .Addresses ","}}';
  expect((await program(host, "ls", "--filter", "state=running", "--format", format)).stdout).toBe(
    `web running ${link.address}/25`,
  );
  expect((await program(host, "ls", "-q")).stdout).toBe(`${db.slice(0, 12)}\n${web.slice(0, 12)}`);
});

test("ls tells the name that docker rename gave", async ({ host }) => {
  await host.sleeper("--name", "old");
  await host.ok("rename", "old", "new");
  expect(await programJson<LsJson[]>(host, "ls")).toMatchObject([{ name: "new" }]);
});

describe("a container is found by", () => {
  test("its name, its id and the beginning of it", async ({ host }) => {
    const id = await host.sleeper("--name", "web");
    for (const word of ["web", id, id.slice(0, 12), id.slice(0, 5)]) {
      expect(await programJson(host, "inspect", word)).toMatchObject({ id, name: "web" });
    }
  });

  test("nothing else, with exit status 2", async ({ host }) => {
    await host.sleeper("--name", "web");
    const missed = await program(host, "inspect", "nobody");
    expect(missed).toMatchObject({ exitCode: 2, stdout: "" });
    expect(missed.stderr).toContain('no container "nobody" has a network');
    expect(await program(host, "inspect")).toMatchObject({ exitCode: 2 });
    expect(await program(host, "inspect", "--help")).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("Exit status:"),
    });
  });
});

test("inspect shows the record, the results and what the namespace holds", async ({ host }) => {
  const id = await host.sleeper("--name", "web");
  const { address, mac } = await host.interface(id);
  const link = {
    name: "eth0",
    up: true,
    mac,
    addresses: expect.arrayContaining([`${address}/25`]),
  };
  expect(await programJson(host, "inspect", "web")).toMatchObject({
    networks: [{ interface: "eth0", gateways: [`${host.place.prefix}.1`] }],
    record: { id, state: "attached" },
    results: { eth0: { ips: [{ address: `${address}/25` }] } },
    namespace: {
      alive: true,
      interfaces: expect.arrayContaining([expect.objectContaining(link)]),
      routes: expect.arrayContaining([expect.objectContaining({ dst: "default" })]),
    },
  });
  const { stdout } = await program(host, "inspect", "web");
  expect(stdout).toContain(`  Addresses:  ${address}/25`);
  expect(stdout).toMatch(/^ {2}eth0 +transmit +\d+ +\d+ +0 +0$/m);
});

test("inspect shows an interface of a container with a name made to deceive a terminal", async ({
  host,
}) => {
  const id = await host.sleeper("--name", "web");
  const link = ["link", "add", "a\u001B[31mb", "type", "veth"];
  await must(["nsenter", `--net=${host.netns(id)}`, "ip", ...link]);
  const { stdout, exitCode } = await program(host, "inspect", "web");
  expect({ exitCode, stdout }).toEqual({
    exitCode: 0,
    stdout: expect.stringContaining(String.raw`a\u001b[31mb`),
  });
});

describe("check finds, and heal mends with the same address and MAC, while the container runs,", () => {
  test.for([
    ["a firewall flushed", ["iptables", "-t", "nat", "-F"], ["iptables", "-F"]],
    ["a bridge deleted", ["ip", "link", "delete", "BRIDGE"], ["true"]],
    ["an address taken away", ["nsenter", "NETNS", "ip", "address", "flush", "eth0"], ["true"]],
  ] as const)("%s", async ([, ...commands], { host }) => {
    const id = await host.sleeper("-p", "18081:80");
    const before = await host.interface(id);
    expect(await program(host, "check")).toMatchObject({ exitCode: 0 });
    for (const command of commands) {
      const argv = command.map((word) =>
        word.replace("BRIDGE", host.place.bridge).replace("NETNS", `--net=${host.netns(id)}`),
      );
      await must(["nsenter", `--net=/run/netns/${host.place.hostNetns}`, ...argv]);
    }
    expect(await program(host, "check", id)).toMatchObject({ exitCode: 1 });
    expect(await programJson<HealthJson[]>(host, "heal", id)).toMatchObject([{ health: "healed" }]);
    expect(await programJson<HealthJson[]>(host, "check")).toMatchObject([{ health: "ok" }]);
    expect(await host.interface(id)).toEqual(before);
  });

  test("a namespace that lost its name, whose interface stays the same", async ({ host }) => {
    const id = await host.sleeper();
    const before = await host.interface(id);
    const index = () => host.ok("exec", id, "cat", "/sys/class/net/eth0/ifindex");
    const indexBefore = await index();
    await must(["umount", host.netns(id)]);
    expect(await program(host, "check", id)).toMatchObject({ exitCode: 1 });
    expect(await program(host, "heal", id)).toMatchObject({ exitCode: 0 });
    expect(await program(host, "check", id)).toMatchObject({ exitCode: 0 });
    expect(await index()).toBe(indexBefore);
    expect(await host.interface(id)).toEqual(before);
    await host.ok("restart", id);
    expect(await host.interface(id)).toEqual(before);
  });
});

describe("gc", () => {
  test("with --dry-run tells what would be released, and releases nothing", async ({ host }) => {
    const [id, other] = [await host.sleeper(), await host.sleeper()];
    await host.ok("stop", id);
    await new Promise((resolve) => setTimeout(resolve, 6000));
    await host.ok("rm", id);
    const told = await programJson(host, "gc", "--dry-run");
    expect(told).toMatchObject({
      containers: expect.arrayContaining([
        expect.objectContaining({ id, outcome: "over" }),
        expect.objectContaining({ id: other, outcome: "kept" }),
      ]),
    });
    expect(await programJson<LsJson[]>(host, "ls")).toHaveLength(2);
    expect(await program(host, "gc")).toMatchObject({ exitCode: 0 });
    expect(await programJson<LsJson[]>(host, "ls")).toMatchObject([{ id: other }]);
  });

  test("with --all-networks leaves containers as they are", async ({ host }) => {
    const id = await host.sleeper();
    const before = await host.interface(id);
    expect(await programJson(host, "gc", "--all-networks")).toMatchObject({
      networks: [{ network: host.place.network, outcome: "collected" }],
    });
    expect(await program(host, "check", id)).toMatchObject({ exitCode: 0 });
    expect(await host.interface(id)).toEqual(before);
  });
});
