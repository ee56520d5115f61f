import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect } from "vitest";
import { dockerEnv } from "../harness/cli.ts";
import { REPOSITORY } from "../harness/config.ts";
import { dockerTest } from "../harness/fixture.ts";
import type { DockerHost } from "../harness/host.ts";
import { listProcesses } from "../harness/processes.ts";
import { must, run } from "../harness/shell.ts";
import { inHostNetns } from "../harness/traces.ts";

const test = dockerTest({ iptables: true });

const MONITOR = "nft monitor destroy";
const hasNft = spawnSync("nft", ["--version"]).status === 0;

const SERVE = "echo hello > /tmp/index.html; exec httpd -f -p 80 -h /tmp";
const ECHO = "exec nc -ll -p 80 -e cat";

function serve(host: DockerHost, port: number, command: string): Promise<string> {
  const options = ["-d", "--runtime", "cni", "--net", "none", "-p", `${port}:80`];
  return host.ok("run", ...options, "--stop-signal", "KILL", "busybox", "sh", "-c", command);
}

async function get({ place }: DockerHost, port: number): Promise<string> {
  const url = `http://${place.prefix}.1:${port}/`;
  const client = ["timeout", "2", "busybox", "wget", "-q", "-O", "-", url];
  return (await run([...inHostNetns(place), ...client])).stdout;
}

/** Runs `heal --watch` while `work` does; ends with it. */
async function watching({ place }: DockerHost, work: () => Promise<void>): Promise<string> {
  const argv = [join(REPOSITORY, "bin/docker-cni"), "--config", join(place.dir, "cni.yaml")];
  const [command, ...args] = [...inHostNetns(place), ...argv, "heal", "--watch"];
  const child = spawn(command, args, { env: dockerEnv(place), stdio: ["ignore", "pipe", "pipe"] });
  let told = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (told += text));
  try {
    // Its first look is over, and nft waits.
    await expect.poll(() => listProcesses().map((each) => each.command)).toContain(MONITOR);
    await work();
  } finally {
    child.kill("SIGTERM");
    if (child.exitCode === null) await once(child, "exit");
  }
  expect(child.exitCode).toBe(0);
  return told;
}

test.skipIf(!hasNft)(
  "heal --watch puts back within a second what a flush of the firewall took",
  async ({ host }) => {
    await serve(host, 8080, SERVE);
    await expect.poll(() => get(host, 8080), { timeout: 15_000 }).toBe("hello");
    const told = await watching(host, async () => {
      const flushed = Date.now();
      await must([...inHostNetns(host.place), "iptables", "-t", "nat", "-F"]);
      await expect.poll(() => get(host, 8080), { timeout: 10_000, interval: 50 }).toBe("hello");
      console.log(`published again ${Date.now() - flushed} ms after the flush`);
    });
    expect(told).toMatch(/ healed: /);
  },
);

test.skipIf(!hasNft)(
  "a connection through a published port lives on over a flush and its healing",
  async ({ host }) => {
    const id = await serve(host, 8081, ECHO);
    const { place } = host;
    const isListening = (): Promise<unknown> =>
      host.docker("exec", id, "grep", ":0050 ", "/proc/net/tcp6");
    await expect.poll(isListening).toMatchObject({ exitCode: 0 });
    const [command, ...args] = [
      ...inHostNetns(place),
      "busybox",
      "nc",
      `${place.prefix}.1`,
      "8081",
    ];
    const client = spawn(command, args, { stdio: ["pipe", "pipe", "ignore"] });
    let heard = "";
    client.stdout.setEncoding("utf8").on("data", (text: string) => (heard += text));
    try {
      client.stdin.write("before\n");
      await expect.poll(() => heard, { timeout: 10_000 }).toBe("before\n");
      await watching(host, async () => {
        await must([...inHostNetns(place), "iptables", "-t", "nat", "-F"]);
        await expect
          .poll(() => run([...inHostNetns(place), "iptables-save", "-t", "nat"]), {
            timeout: 10_000,
          })
          .toMatchObject({ stdout: expect.stringContaining("--dport 8081") });
      });
      client.stdin.write("after\n");
      await expect.poll(() => heard, { timeout: 10_000 }).toBe("before\nafter\n");
    } finally {
      client.kill("SIGKILL");
    }
  },
);
