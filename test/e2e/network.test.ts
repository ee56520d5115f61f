import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { REPOSITORY } from "./harness/config.ts";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import { must, run, waitFor, type CommandResult } from "./harness/shell.ts";
import { inHostNetns } from "./harness/traces.ts";

const test = dockerTest({ iptables: true });

function network(host: DockerHost, ...args: string[]): Promise<CommandResult> {
  return cni(host, "network", ...args);
}

function cni({ place }: DockerHost, ...args: string[]): Promise<CommandResult> {
  const own = [join(REPOSITORY, "bin/docker-cni"), "--config", join(place.dir, "cni.yaml")];
  return run([...inHostNetns(place), ...own, ...args]);
}

/** What a command prints that has to succeed. */
async function ok(host: DockerHost, ...args: string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await network(host, ...args);
  expect({ args, stderr, exitCode }).toEqual({ args, stderr: "", exitCode: 0 });
  return stdout.trim();
}

function inside({ place }: DockerHost, ...argv: string[]): Promise<string> {
  return must([...inHostNetns(place), ...argv]);
}

/** The leases are where the host's other ones are. */
function leasesOption({ place }: DockerHost): string[] {
  return ["--plugin", `bridge,ipam.dataDir=${place.dir}/leases`];
}

function files({ place }: DockerHost): string[] {
  return readdirSync(join(place.dir, "net.d")).toSorted();
}

/** The lines of both firewalls that are about the network. */
async function rules(host: DockerHost): Promise<string[]> {
  const both = await Promise.all(
    ["iptables-save", "ip6tables-save"].map((command) => inside(host, command)),
  );
  return both
    .flatMap((text) => text.split("\n"))
    .filter((line) => /cni-web|web|10\.77\./.test(line));
}

/** Speaks CNI, and fails at each ADD. */
const SICK = `#!/bin/sh
case $CNI_COMMAND in
VERSION) echo '{"cniVersion":"1.0.0","supportedVersions":["1.0.0"]}' ;;
ADD) echo '{"code":7,"msg":"it is sick"}' && exit 1 ;;
esac
`;

describe("docker cni network", () => {
  test("lives with its containers, and leaves nothing when it is removed", async ({ host }) => {
    const { dir } = host.place;
    const subnet = "10.77.0.0/24";
    const options = ["--subnet", subnet, "--label", "team=a", ...leasesOption(host)];
    expect(await ok(host, "create", "web", ...options)).toBe("web");
    const file = join(dir, "net.d/50-web.conflist");
    expect(files(host)).toEqual(["10-default.conflist", "50-web.conflist"]);
    const id = await host.sleeper(
      "--name",
      "on-web",
      "--label",
      "cni.networks=web",
      "-p",
      "18077:80",
    );
    const text = await host.ok("exec", id, "ip", "-o", "-4", "addr", "show", "eth0");
    expect(text).toMatch(/ 10\.77\.0\.2\/24 /);
    const listed = await ok(host, "ls");
    expect(listed).toMatch(/^NAME +DRIVER +SCOPE +SUBNET +CONTAINERS$/m);
    expect(listed).toMatch(/^web +bridge +local +10\.77\.0\.0\/24 +1$/m);
    expect(listed).toMatch(new RegExp(`^${host.place.network} \\* +bridge +local`, "m"));
    expect(JSON.parse(await ok(host, "inspect", "web"))).toMatchObject([
      {
        name: "web",
        driver: "bridge",
        labels: { team: "a" },
        file,
        containers: [{ id, name: "on-web", interfaces: [{ addresses: ["10.77.0.2/24"] }] }],
        config: { cniVersion: "1.0.0" },
      },
    ]);
    const refused = { exitCode: 1, stdout: "" };
    expect(await network(host, "rm", "web")).toMatchObject({
      ...refused,
      stderr: expect.stringContaining("the network web has containers: on-web (running)"),
    });
    await host.ok("stop", "-t", "0", id);
    expect(await network(host, "rm", "web")).toMatchObject({
      ...refused,
      stderr: expect.stringContaining("on-web (kept)"),
    });
    expect((await network(host, "prune", "--force")).stdout).toBe("");
    expect(existsSync(file)).toBe(true);
    await host.ok("rm", id);
    await cni(host, "gc");
    // What a crash of the host can leave.
    writeFileSync(join(dir, "leases/web/10.77.0.9"), `${"f".repeat(64)}\neth0`);
    await inside(host, "iptables", "-w", "-A", "CNI-FORWARD", "-s", "10.77.0.9", "-j", "ACCEPT");
    const comment = `name: "web" id: "${"f".repeat(64)}"`;
    const chain = `CNI-${"0".repeat(24)}`;
    await inside(host, "iptables", "-w", "-t", "nat", "-N", chain);
    const jump = ["-s", "10.77.0.9", "-m", "comment", "--comment", comment, "-j", chain];
    await inside(host, "iptables", "-w", "-t", "nat", "-A", "POSTROUTING", ...jump);
    expect(await ok(host, "rm", "web")).toBe("web");
    expect(files(host)).toEqual(["10-default.conflist"]);
    expect(await rules(host)).toEqual([]);
    expect(await inside(host, "iptables-save", "-t", "nat")).not.toContain(chain);
    expect(existsSync(join(dir, "leases/web"))).toBe(false);
    expect(await inside(host, "ip", "-o", "link")).not.toContain("cni-web");
    expect(await network(host, "rm", "web")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('has no network "web"'),
    });
    expect(await ok(host, "rm", "--force", "web")).toBe("");
  });

  test("does not remove a bridge that something is on, or one that was there", async ({ host }) => {
    await inside(host, "ip", "link", "add", "br-mine", "type", "bridge");
    try {
      await ok(host, "create", "on-mine", "--parent", "br-mine", ...leasesOption(host));
      await ok(host, "create", "busy", ...leasesOption(host));
      await inside(host, "ip", "link", "add", "cni-busy", "type", "bridge");
      await inside(host, "ip", "link", "add", "on-busy", "master", "cni-busy", "type", "veth");
      expect(await network(host, "rm", "on-mine", "busy")).toMatchObject({
        exitCode: 1,
        stdout: "on-mine",
        stderr: expect.stringContaining("something is on the bridge cni-busy"),
      });
      await inside(host, "ip", "link", "delete", "on-busy");
      expect(await ok(host, "prune", "--force")).toBe("Deleted Networks:\nbusy");
      const links = await inside(host, "ip", "-o", "link");
      expect(links).not.toContain("cni-busy");
      expect(links).toContain("br-mine");
    } finally {
      for (const link of ["br-mine", "on-busy", "cni-busy"]) {
        await run([...inHostNetns(host.place), "ip", "link", "delete", link]);
      }
      rmSync(join(host.place.dir, "net.d/50-busy.conflist"), { force: true });
    }
  });

  test("becomes the default one, and another does again", async ({ host }) => {
    const own = host.place.network;
    const names = async () =>
      (await ok(host, "ls", "--format", "{{.Name}} {{.Default}}")).split("\n");
    await ok(host, "create", "first", "--default", ...leasesOption(host));
    expect(files(host)).toEqual(["09-first.conflist", "10-default.conflist"]);
    expect(await names()).toEqual(["first true", `${own} false`]);
    // Without a label a container is on it.
    const id = await host.sleeper();
    expect(await ok(host, "inspect", "--format", "{{json .Containers}}", "first")).toContain(id);
    await host.ok("rm", "-f", id);
    expect(await ok(host, "set-default", own)).toBe(own);
    expect(await names()).toEqual([`${own} true`, "first false"]);
    expect(await network(host, "set-default", "nosuch")).toMatchObject({ exitCode: 2 });
    await waitFor("the container is gone", async () =>
      (await network(host, "rm", "first")).exitCode === 0 ? true : undefined,
    );
    expect(await names()).toEqual([`${own} true`]);
  });

  test.for([
    { what: "a subnet of another network", args: ["--subnet", "SUBNET"], why: "overlaps" },
    { what: "a subnet of a route", args: ["--subnet", "10.78.0.0/24"], why: "reaches by lo" },
    {
      what: "a plugin that is not there",
      args: ["--driver", "nosuch"],
      why: "plugin nosuch: not in",
    },
    { what: "a name that leads elsewhere", name: "../x", args: [], why: "CNI does not allow it" },
  ])("is refused with $what, and nothing is written", async ({ name, args, why }, { host }) => {
    const before = files(host);
    await inside(host, "ip", "route", "replace", "10.78.0.0/16", "dev", "lo");
    // The network's bridge, and with it its route, may be there already.
    const reason =
      why === "overlaps"
        ? expect.stringMatching(/overlaps|are also those of/)
        : expect.stringContaining(why);
    const words = args.map((word) => (word === "SUBNET" ? host.place.subnet : word));
    expect(await network(host, "create", name ?? "bad", ...words)).toMatchObject({
      exitCode: 2,
      stdout: "",
      stderr: reason,
    });
    expect(files(host)).toEqual(before);
  });

  test("is shown by --dry-run, and a free subnet is chosen", async ({ host }) => {
    await inside(host, "ip", "route", "replace", "10.64.0.0/12", "dev", "lo");
    const before = files(host);
    const shown = JSON.parse(await ok(host, "create", "dry", "--ipv6", "--dry-run", "--json"));
    expect(shown).toMatchObject({
      name: "dry",
      file: join(host.place.dir, "net.d/50-dry.conflist"),
      network: {
        plugins: [
          {
            bridge: "cni-dry",
            ipam: { ranges: [[{ subnet: "10.80.0.0/20" }], [{ subnet: "fd5e:7c0a:4000::/64" }]] },
          },
          {},
          {},
        ],
      },
    });
    expect(await ok(host, "create", "dry", "--dry-run")).toContain('"name": "dry"');
    expect(files(host)).toEqual(before);
  });

  test("goes again where --test finds that it does not work", async ({ host }) => {
    host.writePlugin("sick", SICK);
    const before = files(host);
    const failed = await network(host, "create", "ill", "--plugin", "sick", "--test");
    expect(failed).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining("sick (code 7)"),
      stderr: expect.stringContaining("the network ill does not work, and was removed again"),
    });
    expect(files(host)).toEqual(before);
  });

  test.for([
    { what: "it", options: [] },
    { what: "one that leads nowhere", options: ["--internal"] },
    {
      what: "one that other networks do not reach",
      options: ["--plugin", "firewall,ingressPolicy=same-bridge"],
    },
  ])("stays where --test finds that $what works", async ({ options }, { host }) => {
    const own = [...options, ...leasesOption(host)];
    const made = await network(host, "create", "good", ...own, "--test");
    expect(made).toMatchObject({ exitCode: 0, stderr: "" });
    expect(made.stdout).toMatch(/ 0 failed, .*\ngood$/s);
    const file = join(host.place.dir, "net.d/50-good.conflist");
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({
      name: "good",
      dockerCni: { bridge: "cni-good" },
    });
    expect(await ok(host, "rm", "good")).toBe("good");
    expect(await inside(host, "ip", "-o", "link")).not.toContain("cni-good");
    expect(await inside(host, "iptables-save")).not.toContain("cni-good");
    expect(existsSync(join(host.place.dir, "leases/good"))).toBe(false);
  });
});

test("--isolate: containers of another network do not reach it, and its own do", async ({
  host,
  noLeaks,
}) => {
  const options = ["--isolate", ...leasesOption(host)];
  for (const name of ["apart", "aside"]) {
    const { exitCode } = await network(host, "create", name, ...options);
    expect(exitCode).toBe(0);
  }
  const on = (name: string): Promise<string> => host.sleeper("--label", `cni.networks=${name}`);
  const [one, two, three] = [await on("apart"), await on("apart"), await on("aside")];
  const show = ["sh", "-c", "ip -4 -o addr show eth0 | awk '{print $4}'"];
  const address = (await host.ok("exec", one, ...show)).replace(/\/.*/, "");
  const ping = ["ping", "-c", "1", "-W", "2", address];
  await host.ok("exec", two, ...ping);
  await expect(host.ok("exec", three, ...ping)).rejects.toThrow("100% packet loss");
  await host.ok("rm", "-f", one, two, three);
  await cni(host, "gc");
  await ok(host, "rm", "apart", "aside");
  await noLeaks();
});
