import { spawn } from "node:child_process";
import { rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { cniConfig, hostLocal, type NetworkList, REPOSITORY, toYaml } from "./harness/config.ts";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import type { Place } from "./harness/place.ts";
import { must, run } from "./harness/shell.ts";
import { inHostNetns, leases } from "./harness/traces.ts";

/** dockerd has a network namespace of its own: the table of rules is in there. */
const test = dockerTest({ iptables: true });

/** The default network with docker-cni's own bridge in place of three plugins. */
function ownNetwork(place: Place): NetworkList {
  const plugin = {
    type: "docker-cni-bridge",
    bridge: place.bridge,
    isGateway: true,
    ipMasq: true,
    hairpinMode: true,
    capabilities: { ips: true, mac: true, portMappings: true },
    ipam: hostLocal(place),
  };
  return { cniVersion: "1.0.0", name: place.network, plugins: [plugin] };
}

function useOwnBridge({ place, writeNetwork }: DockerHost): void {
  onTestFinished(() => rmSync(join("/run/docker-cni/bridge", place.network), { force: true }));
  const link = join(place.dir, "plugins/docker-cni-bridge");
  rmSync(link, { force: true });
  symlinkSync(join(REPOSITORY, "dist/docker-cni"), link);
  writeNetwork("10-default.conflist", ownNetwork(place));
}

const ports = async (place: Place): Promise<string> => {
  const list = ["nft", "list", "map", "inet", "docker-cni", "ports4"];
  const { stdout } = await run([...inHostNetns(place), ...list]);
  return /elements = \{ ([^}]*) \}/.exec(stdout)?.[1] ?? "";
};

test("containers reach each other and the gateway, and leave no lease behind", async ({ host }) => {
  useOwnBridge(host);
  const one = await host.sleeper();
  const other = await host.sleeper();
  const { address } = await host.interface(other);
  await host.ok("exec", one, "ping", "-c1", "-W2", address);
  await host.ok("rm", "-f", one, other);
  await expect
    .poll(() => leases(host.place).filter((name) => /\d$/.test(name)), { timeout: 10_000 })
    .toEqual([]);
});

test("the plugin is found where cni_bin_dir is not set", async ({ host }) => {
  useOwnBridge(host);
  rmSync(join(host.place.dir, "plugins/docker-cni-bridge"));
  const { cni_bin_dir: _, ...others } = cniConfig(host.place);
  host.writeConfig(toYaml(others));
  const id = await host.sleeper();
  expect((await host.interface(id)).address).not.toBe("");
  await host.ok("rm", "-f", id);
});

test("a port of udp leads to the container", async ({ host }) => {
  useOwnBridge(host);
  const id = await host.sleeper("-p", "18482:53/udp");
  const { address } = await host.interface(id);
  expect(await ports(host.place)).toBe(`udp . 18482 : ${address} . 53`);
  const pid = (await host.ok("inspect", "-f", "{{.State.Pid}}", id)).trim();
  const server = spawn("nsenter", ["-t", pid, "-n", "socat", "UDP-LISTEN:53", "EXEC:cat"]);
  onTestFinished(() => void server.kill());
  const client = ["sh", "-c", "echo asked | socat -t2 - UDP:127.0.0.1:18482"];
  await expect
    .poll(async () => (await run([...inHostNetns(host.place), ...client])).stdout.trim(), {
      timeout: 10_000,
    })
    .toBe("asked");
  await host.ok("rm", "-f", id);
});

test("a container keeps its address and MAC when it starts again", async ({ host }) => {
  useOwnBridge(host);
  const id = await host.sleeper();
  const before = await host.interface(id);
  await host.ok("restart", "-t0", id);
  expect(await host.interface(id)).toEqual(before);
  await host.ok("rm", "-f", id);
});

test("a published port is an element that goes with the container", async ({ host }) => {
  useOwnBridge(host);
  const serve = ["sh", "-c", "while :; do echo served | nc -l -p 80; done"];
  const always = ["-d", "--runtime", "cni", "--net", "none", "-p", "18480:80"];
  const id = (await host.ok("run", ...always, "busybox", ...serve)).trim();
  const { address } = await host.interface(id);
  expect(await ports(host.place)).toBe(`tcp . 18480 : ${address} . 80`);
  const client = ["socat", "-u", "TCP:127.0.0.1:18480", "-"];
  expect(await must([...inHostNetns(host.place), ...client])).toBe("served");
  await host.ok("rm", "-f", id);
  await expect.poll(() => ports(host.place), { timeout: 10_000 }).toBe("");
});

test("the container's checks say when somebody has flushed the rules, and heal puts them back", async ({
  host,
}) => {
  useOwnBridge(host);
  const id = await host.sleeper("-p", "18481:80");
  const cli = join(REPOSITORY, "bin/docker-cni");
  const argv = [
    ...inHostNetns(host.place),
    cli,
    "--config",
    join(host.place.dir, "cni.yaml"),
    "--",
  ];
  await must([...inHostNetns(host.place), "nft", "delete", "table", "inet", "docker-cni"]);
  expect((await run([...argv, "check"])).exitCode).toBe(1);
  await must([...argv, "heal"]);
  expect(await ports(host.place)).toContain("tcp . 18481");
  expect((await run([...argv, "check"])).exitCode).toBe(0);
  await host.ok("rm", "-f", id);
});
