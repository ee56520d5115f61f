import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { findNameServer, nameServerPid } from "../../src/sandbox/name-server.ts";
import { hostLocal } from "./harness/config.ts";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import { must, waitFor } from "./harness/shell.ts";
import { inHostNetns } from "./harness/traces.ts";
import { program } from "./life/program.ts";

const test = dockerTest({
  iptables: true,
  networks: (place) => ({
    "20-named.conflist": {
      cniVersion: "1.0.0",
      name: "named",
      dockerCni: { names: "dns" },
      plugins: [
        {
          type: "bridge",
          bridge: `en${place.index}named`,
          isGateway: true,
          ipam: Object.assign(hostLocal(place), {
            ranges: [[{ subnet: `10.206.${place.index}.0/24` }]],
            routes: [],
          }),
        },
      ],
    },
  }),
});

const dnsDir = (host: DockerHost) => join(host.place.dir, "state/dns");
const resolvConf = (host: DockerHost, id: string) => host.ok("exec", id, "cat", "/etc/resolv.conf");
const hostsFile = (host: DockerHost, id: string) =>
  readFileSync(join(host.place.dir, "data/containers", id, "hosts"), "utf8");

/** What the name server answers, for a name or an address. */
async function lookUp(host: DockerHost, id: string, name: string): Promise<string> {
  const { stdout } = await host.docker("exec", id, "nslookup", name);
  return stdout.split("Name:").slice(1).join("Name:") || stdout;
}

/** The server and its folder go with the last container. */
async function expectEnded(host: DockerHost): Promise<void> {
  await waitFor("the name server has ended", () => (existsSync(dnsDir(host)) ? undefined : true));
  expect(nameServerPid(dnsDir(host))).toBeUndefined();
}

describe.skipIf(findNameServer() === undefined)("names by dns (aardvark-dns)", () => {
  test("are found by nslookup and ping: name, alias, network, PTR; a stopped one is gone", async ({
    host,
  }) => {
    host.writeConfig({ names: "dns" });
    const web = await host.sleeper("--name", "web");
    const db = await host.sleeper("--name", "db", "--label", "cni.aliases=sql");
    const { address } = await host.interface(db);
    for (const name of ["db", "sql", `db.${host.place.network}`]) {
      expect(await lookUp(host, web, name)).toContain(address);
    }
    expect(await lookUp(host, web, address)).toMatch(/db/);
    expect(await host.ok("exec", web, "ping", "-c", "1", "sql")).toContain(`(${address})`);
    const [, gateway = ""] = /nameserver (\S+)/.exec(await resolvConf(host, web)) ?? [];
    expect(
      await must([...inHostNetns(host.place), "busybox", "nslookup", "db", gateway]),
      "the host asks",
    ).toContain(address);
    expect(hostsFile(host, web)).toMatch(/ web$/m);
    expect(hostsFile(host, web)).not.toMatch(/ db$/m);
    await host.ok("stop", "-t", "0", db);
    await waitFor("the name is gone", async () =>
      (await lookUp(host, web, "sql")).includes(address) ? undefined : true,
    );
    await host.ok("start", db);
    expect(await lookUp(host, web, "sql")).toContain((await host.interface(db)).address);
    await host.ok("restart", "-t", "0", web);
    expect(await lookUp(host, web, "db")).toContain((await host.interface(db)).address);
    await host.ok("rm", "-f", web, db);
    await expectEnded(host);
    host.writeConfig();
  });

  test("leave --dns alone, whose container has them in its hosts file", async ({ host }) => {
    host.writeConfig({ names: "dns" });
    const web = await host.sleeper("--name", "web");
    const own = await host.sleeper("--name", "own", "--dns", "192.0.2.53");
    expect(await resolvConf(host, own)).toContain("nameserver 192.0.2.53");
    expect(hostsFile(host, own)).toMatch(/ web$/m);
    expect(await lookUp(host, web, "own")).toContain((await host.interface(own)).address);
    await host.ok("rm", "-f", web, own);
    await expectEnded(host);
    host.writeConfig();
  });

  test("come back by heal when the server was killed, and with the next start", async ({
    host,
  }) => {
    host.writeConfig({ names: "dns" });
    const web = await host.sleeper("--name", "web");
    const kill = async () => {
      const pid = nameServerPid(dnsDir(host)) ?? expect.unreachable("no server");
      process.kill(pid, "SIGKILL");
      await waitFor("it is gone", () => (nameServerPid(dnsDir(host)) ? undefined : true));
    };
    await kill();
    expect(await program(host, "heal")).toMatchObject({ exitCode: 0 });
    expect(await lookUp(host, web, "web")).toContain((await host.interface(web)).address);
    await kill();
    const db = await host.sleeper("--name", "db");
    expect(await lookUp(host, web, "db")).toContain((await host.interface(db)).address);
    await host.ok("rm", "-f", web, db);
    await expectEnded(host);
    host.writeConfig();
  });

  test("outlive a restart of dockerd, and end when the configuration says hosts again", async ({
    host,
  }) => {
    host.writeConfig({ names: "dns" });
    const web = await host.sleeper("--name", "web", "--restart=always");
    const before = await resolvConf(host, web);
    await host.restart();
    await waitFor("it runs", async () =>
      (await host.docker("exec", web, "true")).exitCode === 0 ? true : undefined,
    );
    expect(await lookUp(host, web, "web")).toContain((await host.interface(web)).address);
    expect(await resolvConf(host, web)).toBe(before);
    host.writeConfig();
    await host.ok("restart", "-t", "0", web);
    await expectEnded(host);
    const [gateway = ""] = /nameserver \S+/.exec(before) ?? [];
    expect(await resolvConf(host, web)).not.toContain(gateway);
  });
});

describe.skipIf(findNameServer() === undefined)("a network whose file says dns", () => {
  test("is asked for its names, beside hosts files of another one", async ({ host }) => {
    const both = `cni.networks=${host.place.network},named`;
    const web = await host.sleeper("--name", "web", "--label", both);
    const db = await host.sleeper("--name", "db", "--label", "cni.networks=named");
    const lan = await host.sleeper("--name", "lan");
    const { address } = await host.interface(db);
    expect(await resolvConf(host, web)).toContain(`nameserver 10.206.${host.place.index}.1`);
    expect(await lookUp(host, web, "db.named")).toContain(address);
    expect(await lookUp(host, db, "lan")).not.toContain((await host.interface(lan)).address);
    expect(hostsFile(host, web)).toMatch(/ lan$/m);
    expect(hostsFile(host, web)).not.toMatch(/ db$/m);
    expect(hostsFile(host, lan)).toMatch(/ web$/m);
    expect(await program(host, "disconnect", "web", "named")).toMatchObject({ exitCode: 0 });
    expect(await resolvConf(host, web)).not.toContain("10.206.");
    expect(await lookUp(host, db, "web")).not.toMatch(/Address.*10\.206\.\d+\.[^1]/);
    await host.ok("rm", "-f", web, db, lan);
    await expectEnded(host);
  });
});

describe("names: off", () => {
  test("edits no hosts file", async ({ host }) => {
    host.writeConfig({ names: "off" });
    const web = await host.sleeper("--name", "web");
    const db = await host.sleeper("--name", "db");
    expect(hostsFile(host, web) + hostsFile(host, db)).not.toMatch(/ (web|db)$/m);
    host.writeConfig();
  });
});
