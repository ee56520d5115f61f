import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { hostLocal } from "./harness/config.ts";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import { waitFor } from "./harness/shell.ts";
import { program } from "./life/program.ts";

const test = dockerTest({
  iptables: true,
  networks: (place) => ({
    "20-dns.conflist": {
      cniVersion: "1.0.0",
      name: "dns",
      plugins: [
        {
          type: "bridge",
          bridge: `en${place.index}dns`,
          ipam: {
            type: "static",
            addresses: [{ address: `10.204.${place.index}.9/24` }],
          },
          dns: {
            nameservers: ["10.204.9.53", "fd00:204::53"],
            search: ["one.example", "two.example"],
            options: ["ndots:2"],
          },
        },
      ],
    },
    "21-back.conflist": {
      cniVersion: "1.0.0",
      name: "back",
      plugins: [
        {
          type: "bridge",
          bridge: `en${place.index}back`,
          ipam: Object.assign(hostLocal(place), {
            ranges: [[{ subnet: `10.205.${place.index}.0/24` }]],
            routes: [],
          }),
        },
      ],
    },
  }),
});

function hostsFile(host: DockerHost, id: string): string {
  return join(host.place.dir, "data/containers", id, "hosts");
}

/** The names that the container's hosts file has for an address. */
function namesOf(host: DockerHost, id: string, address: string): string[] {
  const lines = readFileSync(hostsFile(host, id), "utf8").split("\n");
  return lines
    .filter((line) => line.startsWith(`${address}\t`))
    .flatMap((line) => line.split(/\s+/).slice(1));
}

describe("a container's own names", () => {
  test("are in its hosts file, beside what Docker put there", async ({ host }) => {
    const id = await host.sleeper(
      "--name",
      "web",
      "--hostname=www.example.org",
      "--add-host=other:1.2.3.4",
      "--label=cni.aliases=shop,shop.internal",
    );
    const { address } = await host.interface(id);
    expect(namesOf(host, id, address)).toEqual([
      "www.example.org",
      "www",
      "web",
      "shop",
      "shop.internal",
    ]);
    expect(readFileSync(hostsFile(host, id), "utf8")).toContain("1.2.3.4\tother\n");
    expect(await host.ok("exec", id, "ping", "-c", "1", "web")).toContain(`(${address})`);
  });

  test("are there again after a restart, once", async ({ host }) => {
    const id = await host.sleeper("--name", "web");
    const before = readFileSync(hostsFile(host, id), "utf8");
    await host.ok("restart", id);
    expect(readFileSync(hostsFile(host, id), "utf8")).toBe(before);
  });

  test("follow docker rename at the next start", async ({ host }) => {
    const id = await host.sleeper("--name", "web");
    await host.ok("rename", id, "shop");
    await host.ok("restart", id);
    expect(namesOf(host, id, (await host.interface(id)).address)).toContain("shop");
  });

  test("are left out where the configuration says so", async ({ host }) => {
    host.writeConfig({ hosts: false });
    const id = await host.sleeper("--name", "web");
    expect(readFileSync(hostsFile(host, id), "utf8")).not.toContain("web");
    host.writeConfig();
  });
});

describe("containers on one network", () => {
  test("find each other by name, hostname and alias, whoever came first", async ({ host }) => {
    const web = await host.sleeper("--name", "web");
    const db = await host.sleeper("--name", "db", "-h", "postgres", "--label", "cni.aliases=sql");
    const { address } = await host.interface(db);
    for (const name of ["db", "postgres", "sql"]) {
      expect(await host.ok("exec", web, "ping", "-c", "1", name)).toContain(`(${address})`);
    }
    expect(await host.ok("exec", db, "ping", "-c", "1", "web")).toContain("1 packets received");
  });

  test("follow docker rename with the next start or stop on the network, and with heal", async ({
    host,
  }) => {
    const web = await host.sleeper("--name", "web");
    const peer = await host.sleeper("--name", "peer");
    const { address } = await host.interface(web);
    expect(namesOf(host, peer, address)).toContain("web");
    await host.ok("rename", "web", "web-old");
    const fresh = await host.sleeper("--name", "web");
    expect(namesOf(host, peer, address)).toContain("web-old");
    expect(namesOf(host, peer, address)).not.toContain("web");
    expect(namesOf(host, peer, (await host.interface(fresh)).address)).toContain("web");
    expect(namesOf(host, web, address)).not.toContain("web");
    await host.ok("rename", "web-old", "older");
    expect(await program(host, "heal")).toMatchObject({ exitCode: 0 });
    expect(namesOf(host, peer, address)).toContain("older");
    expect((await program(host, "ls")).stdout).toMatch(/^older /m);
    await host.ok("restart", web);
    expect(namesOf(host, peer, (await host.interface(web)).address)).not.toContain("web-old");
  });

  test("learn of changes while the file's inode stays", async ({ host }) => {
    const web = await host.sleeper("--name", "web");
    const { ino } = statSync(hostsFile(host, web));
    const db = await host.sleeper("--name", "db");
    const { address } = await host.interface(db);
    expect(namesOf(host, web, address)).toContain("db");
    await host.ok("rm", "-f", db);
    await waitFor("the name is gone", () =>
      namesOf(host, web, address).length === 0 ? true : undefined,
    );
    expect(await host.ok("exec", web, "cat", "/etc/hosts")).toBe(
      readFileSync(hostsFile(host, web), "utf8").trimEnd(),
    );
    expect(statSync(hostsFile(host, web)).ino).toBe(ino);
  });

  test("do not have the name of one that is stopped, and have it again when it runs", async ({
    host,
  }) => {
    const web = await host.sleeper("--name", "web");
    const db = await host.sleeper("--name", "db");
    const { address } = await host.interface(db);
    await host.ok("stop", db);
    await waitFor("the name is gone", () =>
      namesOf(host, web, address).length === 0 ? true : undefined,
    );
    await host.ok("start", db);
    expect(namesOf(host, web, address)).toContain("db");
  });

  test("and not on another know the name", async ({ host }) => {
    const web = await host.sleeper(
      "--name",
      "web",
      "--label",
      `cni.networks=${host.place.network},back`,
    );
    const db = await host.sleeper("--name", "db", "--label", "cni.networks=back");
    const alone = await host.sleeper("--name", "alone");
    const dbText = readFileSync(hostsFile(host, db), "utf8");
    expect(dbText).toContain(`10.205.${host.place.index}.`);
    expect(dbText).toContain("web");
    expect(dbText).not.toContain(host.place.prefix);
    expect(dbText).not.toContain("alone");
    expect(readFileSync(hostsFile(host, alone), "utf8")).not.toMatch(/\bdb\b/);
    expect(readFileSync(hostsFile(host, alone), "utf8")).toContain(
      `${(await host.interface(web)).address}\t`,
    );
  });

  test("that start at the same time all know each other", async ({ host }) => {
    const names = ["a1", "a2", "a3", "a4", "a5", "a6"];
    const ids = await Promise.all(names.map((name) => host.sleeper("--name", name)));
    for (const id of ids) {
      const text = readFileSync(hostsFile(host, id), "utf8");
      for (const name of names) expect(text).toContain(name);
    }
  });
});

describe("the network's DNS settings", () => {
  const resolvConf = ["busybox", "cat", "/etc/resolv.conf"];
  const run = ["run", "--rm", "--runtime", "cni", "--net", "none", "--label", "cni.networks=dns"];

  test("are the container's", async ({ host }) => {
    const lines = (await host.ok(...run, ...resolvConf)).split("\n");
    expect(lines.filter((line) => !line.startsWith("#"))).toEqual([
      "nameserver 10.204.9.53",
      "nameserver fd00:204::53",
      "search one.example two.example",
      "options ndots:2",
    ]);
  });

  test("give way to --dns, and its search list to --dns-search", async ({ host }) => {
    const dns = await host.ok(...run, "--dns", "9.9.9.9", ...resolvConf);
    expect(dns).toContain("nameserver 9.9.9.9");
    expect(dns).not.toContain("example");
    const search = await host.ok(...run, "--dns-search", "mine.example", ...resolvConf);
    expect(search).toContain("search mine.example");
    expect(search).toContain("nameserver 10.204.9.53");
    expect(search).not.toContain("one.example");
  });

  test("are there again after a restart", async ({ host }) => {
    const id = await host.sleeper("--label", "cni.networks=dns");
    const before = await host.ok("exec", id, "cat", "/etc/resolv.conf");
    expect(before).toContain("nameserver 10.204.9.53");
    await host.ok("restart", id);
    expect(await host.ok("exec", id, "cat", "/etc/resolv.conf")).toBe(before);
  });
});
