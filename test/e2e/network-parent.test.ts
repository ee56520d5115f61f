import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { REPOSITORY } from "./harness/config.ts";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import { must, run, waitFor } from "./harness/shell.ts";
import { inHostNetns } from "./harness/traces.ts";

const test = dockerTest({ iptables: true });

const hasServer = ["/usr/sbin/dnsmasq", "/usr/bin/dnsmasq"].some((file) => existsSync(file));

async function cni({ place }: DockerHost, ...args: string[]): Promise<string> {
  const own = [join(REPOSITORY, "bin/docker-cni"), "--config", join(place.dir, "cni.yaml")];
  const { stdout, stderr, exitCode } = await run([...inHostNetns(place), ...own, ...args]);
  expect({ args, stderr, exitCode }).toEqual({ args, stderr: "", exitCode: 0 });
  return stdout.trim();
}

/** A network beyond the host: its end `lan0` is the host's, 192.168.77.1, and the other is 192.168.77.2. */
async function withLan(
  host: DockerHost,
  work: (inLan: readonly string[]) => Promise<void>,
): Promise<void> {
  const { place } = host;
  const name = `${place.hostNetns}-lan`;
  const inLan = ["nsenter", `--net=/run/netns/${name}`];
  const inHost = inHostNetns(place);
  await must(["ip", "netns", "add", name]);
  try {
    await must([...inHost, "ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan1"]);
    await must([...inHost, "ip", "link", "set", "lan1", "netns", name]);
    await must([...inHost, "ip", "addr", "add", "192.168.77.1/24", "dev", "lan0"]);
    await must([...inHost, "ip", "link", "set", "lan0", "up"]);
    await must([...inLan, "ip", "addr", "add", "192.168.77.2/24", "dev", "lan1"]);
    await must([...inLan, "ip", "link", "set", "lan1", "up"]);
    await work(inLan);
  } finally {
    await run([...inHost, "ip", "link", "delete", "lan0"]);
    await must(["ip", "netns", "delete", name]);
  }
}

function background(argv: readonly string[]): ChildProcess {
  const [command = "", ...args] = argv;
  return spawn(command, args, { stdio: "ignore" });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}

/** The network of a container that was removed goes in the background. */
async function waitForRemoval({ place }: DockerHost, id: string): Promise<void> {
  const folder = join(place.dir, "state/sandboxes", id);
  await waitFor("its network is released", async () => !existsSync(folder) || undefined, 10_000);
}

function addressOf(host: DockerHost, id: string): Promise<string> {
  return host.ok("exec", id, "sh", "-c", "ip -4 -o addr show eth0 | awk '{print $4}'");
}

describe("network create on a parent", () => {
  test.skipIf(!hasServer)(
    "--dhcp: a server's address stays over restarts of the container and of the daemon",
    async ({ host, noLeaks }) => {
      const { dir } = host.place;
      await withLan(host, async (inLan) => {
        const [leases, log] = [join(dir, "dnsmasq.leases"), join(dir, "dnsmasq.log")];
        const options =
          "--keep-in-foreground --port=0 --conf-file=/dev/null --interface=lan1 --bind-interfaces --user=root --pid-file= --dhcp-range=192.168.77.50,192.168.77.60,2m --dhcp-authoritative --no-ping --log-dhcp";
        const files = [`--dhcp-leasefile=${leases}`, `--log-facility=${log}`];
        const server = background([...inLan, "dnsmasq", ...options.split(" "), ...files]);
        const socket = join(dir, "dhcp.sock");
        const startDaemon = async (): Promise<ChildProcess> => {
          rmSync(socket, { force: true });
          const inHost = inHostNetns(host.place);
          const daemon = background(
            inHost.concat("/usr/lib/cni/dhcp", "daemon", "-socketpath", socket),
          );
          await waitFor("the daemon listens", async () => existsSync(socket) || undefined, 5000);
          return daemon;
        };
        let daemon = await startDaemon();
        try {
          await cni(
            host,
            "network",
            "create",
            "lan",
            "--driver",
            "macvlan",
            "--parent",
            "lan0",
            "--dhcp",
            "--plugin",
            `macvlan,ipam.daemonSocketPath=${socket}`,
          );
          const id = await host.sleeper("--label", "cni.networks=lan");
          const address = await addressOf(host, id);
          expect(address).toMatch(/^192\.168\.77\.5\d\/24$|^192\.168\.77\.60\/24$/);
          await host.ok("restart", "-t", "0", id);
          expect(await addressOf(host, id)).toBe(address);
          await end(daemon);
          daemon = await startDaemon();
          const given = (): number => readFileSync(log, "utf8").split(/DHCPACK\(/).length;
          const before = given();
          expect(await cni(host, "heal")).toMatch(/ ok/);
          expect(given()).toBeGreaterThan(before);
          expect(await addressOf(host, id)).toBe(address);
          await host.ok("rm", "-f", id);
          await waitFor(
            "the server has its address back",
            async () => readFileSync(leases, "utf8").trim() === "" || undefined,
            10_000,
          );
          await waitForRemoval(host, id);
          await cni(host, "network", "rm", "lan");
        } finally {
          await end(daemon);
          await end(server);
        }
      });
      await noLeaks();
    },
  );

  test("--host-access: the host reaches macvlan, after a reboot too", async ({ host, noLeaks }) => {
    await withLan(host, async (inLan) => {
      await cni(
        host,
        "network",
        "create",
        "far",
        "--driver",
        "macvlan",
        "--parent",
        "lan0",
        "--subnet",
        "192.168.77.0/24",
        "--gateway",
        "192.168.77.2",
        "--ip-range",
        "192.168.77.128/26",
        "--host-access",
        "--plugin",
        `macvlan,ipam.dataDir=${host.place.dir}/leases`,
      );
      const id = await host.sleeper("--label", "cni.networks=far");
      const address = (await addressOf(host, id)).replace(/\/.*/, "");
      const ping = ["busybox", "ping", "-c", "1", "-W", "3", address];
      await must([...inLan, ...ping]);
      const inHost = inHostNetns(host.place);
      await must([...inHost, ...ping]);
      await must([...inHost, "ip", "link", "delete", "cnih-far"]);
      expect((await run([...inHost, ...ping])).exitCode).not.toBe(0);
      const { place } = host;
      const launcher = [
        join(REPOSITORY, "bin/docker-cni"),
        "--config",
        join(place.dir, "cni.yaml"),
      ];
      const healed = await run([...inHost, ...launcher, "heal"]);
      expect(healed.stderr).toContain("far healed: the host's access to it was not there");
      await must([...inHost, ...ping]);
      await host.ok("rm", "-f", id);
      await waitForRemoval(host, id);
      await cni(host, "network", "rm", "far");
      expect(await must([...inHost, "ip", "-o", "link"])).not.toContain("cnih-");
    });
    await noLeaks();
  });
});
