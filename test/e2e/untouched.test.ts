import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import { must } from "./harness/shell.ts";
import { program, programJson } from "./life/program.ts";
import { inHostNetns, netnsNames, stateFiles } from "./harness/traces.ts";

/** A whole Docker host as people have it: its bridge, its iptables rules, and docker-cni for every container. */
const test = dockerTest({
  iptables: true,
  dockerBridge: true,
  daemonJson: { "default-runtime": "cni" },
});

/** docker-cni has made no netns and keeps no record. */
function expectUntouched({ place }: DockerHost): void {
  expect(netnsNames(place)).toEqual([]);
  expect(stateFiles(place)).toEqual([]);
}

/** The words of `docker run` that mount files of the user's own on all that Docker writes for a container. */
function ownFiles({ place }: DockerHost): string[] {
  const folder = mkdtempSync(join(place.dir, "own-"));
  return ["hosts", "hostname", "resolv.conf"].flatMap((name) => {
    writeFileSync(join(folder, name), "127.0.0.1 localhost\n");
    return ["-v", `${join(folder, name)}:/etc/${name}`];
  });
}

/** Makes a managed plugin of Docker's, on no network, that sleeps. */
async function makePlugin(host: DockerHost, name: string): Promise<void> {
  const folder = mkdtempSync(join(host.place.dir, "plugin-"));
  mkdirSync(join(folder, "rootfs"));
  const source = await host.ok("create", "busybox");
  await host.ok("export", "-o", join(folder, "rootfs.tar"), source);
  await host.ok("rm", source);
  await must(["tar", "-C", join(folder, "rootfs"), "-xf", join(folder, "rootfs.tar")]);
  rmSync(join(folder, "rootfs.tar"));
  const config = {
    description: "sleeps",
    entrypoint: ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"],
    interface: { types: ["docker.sleeper/1.0"], socket: "sleeper.sock" },
    network: { type: "none" },
  };
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  await host.ok("plugin", "create", name, folder);
}

/** What `ip address` shows of an interface in a running container. */
function addressOn(host: DockerHost, id: string, ifName: string): Promise<string> {
  return host.ok("exec", id, "ip", "address", "show", ifName);
}

/** Identifies the network namespace of a process. */
function netnsOf(pid: number): string {
  return readlinkSync(`/proc/${pid}/ns/net`);
}

describe("with docker-cni as the default runtime", () => {
  test("--net host gives the host's network", async ({ host }) => {
    const links = await host.ok("run", "--rm", "--net", "host", "busybox", "ls", "/sys/class/net");
    expect(links).toContain(host.place.dockerBridge);
    expectUntouched(host);
  });

  test("--net bridge, the default, is Docker's own network, and containers reach each other there", async ({
    host,
  }) => {
    const id = await host.ok("run", "-d", "--stop-signal", "KILL", "busybox", "sleep", "3600");
    const { address } = await host.interface(id);
    const [from, to] = [129, 254];
    expect(Number(address.split(".")[3])).toSatisfy((byte: number) => byte >= from && byte <= to);
    const pinged = await host.docker(
      "run",
      "--rm",
      "--net",
      "bridge",
      "busybox",
      "ping",
      "-c",
      "1",
      address,
    );
    expect(pinged).toMatchObject({ exitCode: 0, stderr: "" });
    await host.ok("restart", id);
    expectUntouched(host);
  });

  test("a network of `docker network create` is Docker's own, with its names", async ({ host }) => {
    const name = `net${host.place.index}`;
    const bridge = `com.docker.network.bridge.name=dcni${host.place.index}n`;
    const subnet = `10.211.${host.place.index}.0/24`;
    await host.ok("network", "create", "-o", bridge, "--subnet", subnet, name);
    const id = await host.ok(
      "run",
      "-d",
      "--net",
      name,
      "--name",
      "peer",
      "busybox",
      "sleep",
      "3600",
    );
    const pinged = await host.docker(
      "run",
      "--rm",
      "--net",
      name,
      "busybox",
      "ping",
      "-c",
      "1",
      "peer",
    );
    expect(pinged).toMatchObject({ exitCode: 0, stderr: "" });
    expectUntouched(host);
    await host.ok("rm", "-f", id);
    await host.ok("network", "rm", name);
  });

  test("a container with hosts, hostname and resolv.conf of the user's own is known for Docker's", async ({
    host,
  }) => {
    const own = ownFiles(host);
    const address = ["busybox", "ip", "address", "show", "eth0"];
    expect(await host.ok("run", "--rm", ...own, ...address)).toContain("inet ");
    expectUntouched(host);
    const labelled = ["--net", "none", "--label", `cni.ip=${host.place.prefix}.77`];
    const line = await host.ok("run", "--rm", ...labelled, ...own, ...address);
    expect(line).toContain(`inet ${host.place.prefix}.77/`);
  });

  test("`docker network connect` takes a stopped container from CNI to Docker's own network, and back", async ({
    host,
  }) => {
    const name = `moved${host.place.index}`;
    const bridge = `com.docker.network.bridge.name=dcni${host.place.index}m`;
    const subnet = `10.212.${host.place.index}.0/24`;
    await host.ok("network", "create", "-o", bridge, "--subnet", subnet, name);
    const id = await host.ok("create", "--net", "none", "busybox", "sleep", "3600");
    await host.ok("network", "disconnect", "none", id);
    await host.ok("network", "connect", name, id);
    await host.ok("start", id);
    expect((await host.interface(id)).address).toContain(`10.212.${host.place.index}.`);
    expectUntouched(host);
    await host.ok("stop", "-t", "0", id);
    await host.ok("network", "disconnect", name, id);
    await host.ok("network", "connect", "none", id);
    await host.ok("start", id);
    expect((await host.interface(id)).address).toContain(`${host.place.prefix}.`);
    await host.ok("rm", "-f", id);
    await host.ok("network", "rm", name);
  });

  test("a container that had a CNI network has it again after it was on one of Docker's", async ({
    host,
  }) => {
    const name = `between${host.place.index}`;
    const bridge = `com.docker.network.bridge.name=dcni${host.place.index}b`;
    const subnet = `10.213.${host.place.index}.0/24`;
    await host.ok("network", "create", "-o", bridge, "--subnet", subnet, name);
    const id = await host.sleeper("--mac-address", "02:42:0a:01:00:07");
    const before = await host.interface(id);
    expect(before.mac).toBe("02:42:0a:01:00:07");
    await host.ok("stop", id);
    await host.ok("network", "disconnect", "none", id);
    await host.ok("network", "connect", name, id);
    await host.ok("start", id);
    expect(await addressOn(host, id, "eth0")).toContain(`inet 10.213.${host.place.index}.`);
    await host.ok("stop", id);
    await host.ok("network", "disconnect", name, id);
    await host.ok("network", "connect", "none", id);
    await host.ok("start", id);
    expect(await host.interface(id)).toEqual(before);
    await host.ok("rm", "-f", id);
    await host.ok("network", "rm", name);
  });

  test("a managed plugin of Docker's is left alone", async ({ host }) => {
    await makePlugin(host, "sleeper");
    // It never listens on its socket, so that dockerd gives it up.
    await host.docker("plugin", "enable", "--timeout", "1", "sleeper");
    expect(readFileSync(join(host.place.dir, "docker-cni.log"), "utf8")).toContain(
      "left alone: it is a plugin of Docker's",
    );
    expectUntouched(host);
    await host.ok("plugin", "rm", "-f", "sleeper");
  });

  test("a published port of Docker's own network works", async ({ host }) => {
    const serve = "echo hello > /tmp/index.html; exec httpd -f -h /tmp";
    const publish = ["-p", "127.0.0.1:8080:80"];
    await host.ok("run", "-d", ...publish, "busybox", "sh", "-c", serve);
    const get = ["busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:8080/"];
    expect(await must([...inHostNetns(host.place), ...get])).toBe("hello");
  });

  test("--net none is given a CNI network", async ({ host }) => {
    const line = await host.ok(
      "run",
      "--rm",
      "--net",
      "none",
      "busybox",
      "ip",
      "address",
      "show",
      "eth0",
    );
    expect(line).toContain(`inet ${host.place.prefix}.`);
  });

  test("--net container:X joins the netns of a container on a CNI network", async ({ host }) => {
    const id = await host.sleeper();
    const joined = await host.ok(
      "run",
      "-d",
      "--net",
      `container:${id}`,
      "busybox",
      "sleep",
      "3600",
    );
    const [own, other] = await Promise.all([host.inspect(id), host.inspect(joined)]);
    expect(netnsOf(other.State.Pid)).toBe(netnsOf(own.State.Pid));
    expect(netnsNames(host.place)).toHaveLength(1);
    await host.ok("rm", "-f", joined);
    expect((await host.interface(id)).address).toContain(`${host.place.prefix}.`);
  });

  test("--net container:X joins one that is on Docker's own network", async ({ host }) => {
    const id = await host.ok("run", "-d", "--stop-signal", "KILL", "busybox", "sleep", "3600");
    const seen = await host.ok(
      "run",
      "--rm",
      "--net",
      `container:${id}`,
      "busybox",
      "ip",
      "address",
    );
    expect(seen).toContain((await host.interface(id)).address);
    expectUntouched(host);
  });

  test("dockerd starts again, and a container that restarts with it keeps its address", async ({
    host,
  }) => {
    const id = await host.sleeper("--restart=always");
    const before = await host.interface(id);
    await host.restart();
    expect((await host.inspect(id)).State.Status).toBe("running");
    expect(await host.interface(id)).toEqual(before);
  });
});

test("inspect and check tell why a container has no CNI network", async ({ host }) => {
  const run = ["run", "-d", "--stop-signal", "KILL"];
  await host.ok("network", "create", "front");
  const cases: [name: string, options: string[], reason: RegExp][] = [
    ["bridged", [], /^it is on Docker's network "bridge": /],
    ["fronted", ["--net", "front"], /^it is on Docker's network "front": /],
    ["hosted", ["--net", "host"], /^it uses the host's network$/],
    [
      "joined",
      ["--net", "container:bridged"],
      /^it joins the network of the container [0-9a-f]{64}$/,
    ],
    ["opted", ["--net", "none", "--label", "cni.networks=none"], /^it opted out: /],
    ["others", ["--net", "none", "--runtime", "runc"], /^its runtime is runc: /],
  ];
  for (const [name, options, reason] of cases) {
    const id = (await host.ok(...run, "--name", name, ...options, "busybox", "sleep", "60")).trim();
    const told = { id, name, reason: expect.stringMatching(reason) };
    expect(await programJson(host, "inspect", name)).toMatchObject({ ...told, state: "none" });
    expect(await programJson(host, "check", name)).toMatchObject([{ ...told, health: "none" }]);
  }
  const { stdout, exitCode } = await program(host, "inspect", "hosted");
  expect(exitCode).toBe(0);
  expect(stdout).toContain("Network:      no CNI network: it uses the host's network");
  await host.ok("rm", "-f", ...cases.map(([name]) => name));
  await host.ok("network", "rm", "front");
});

test("a port of a container on a CNI network is not given to one on Docker's bridge as well", async ({
  host,
}) => {
  const serving = ["run", "-d", "--stop-signal", "KILL"];
  const sleep = ["busybox", "sleep", "3600"];
  const ours = await host.ok(
    ...serving,
    "--name",
    "web",
    "--net",
    "none",
    "-p",
    "8098:80",
    ...sleep,
  );
  const { stderr } = await host.docker("run", "--rm", "-p", "8098:80", "busybox", "true");
  expect(stderr).toContain("port 8098/tcp of the host is taken by container web");
  // With another runtime nobody is asked: it is found out.
  const theirs = await host.ok(...serving, "--runtime", "runc", "-p", "8098:80", ...sleep);
  const { stdout, exitCode } = await program(host, "check", "web");
  expect(stdout).toMatch(/web .*port 8098\/tcp .* process docker-proxy \(\d+\) listens on it too/);
  expect(exitCode).toBe(1);
  await host.ok("rm", "-f", theirs);
  await host.ok("stop", ours);
  await host.ok("run", "--rm", "-p", "8098:80", "busybox", "true");
  await host.ok("rm", "-f", ours);
});
