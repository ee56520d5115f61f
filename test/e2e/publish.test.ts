import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { describe, expect } from "vitest";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import { readIptables } from "./harness/iptables.ts";
import { run } from "./harness/shell.ts";
import { inHostNetns } from "./harness/traces.ts";
import { reboot } from "./life/power.ts";
import { program } from "./life/program.ts";

const test = dockerTest({ iptables: true });

const RUN = ["run", "-d", "--runtime", "cni", "--net", "none", "--stop-signal", "KILL"];
/** Says hello on port 80, and on port 81 says what it is told. */
const SERVE = "echo hello >/tmp/index.html; httpd -p 80 -h /tmp; exec nc -ll -p 81 -e cat";

async function cni(host: DockerHost, ...args: string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await program(host, ...args);
  expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  return stdout.trim();
}

async function refused(host: DockerHost, ...args: string[]): Promise<string> {
  const { stderr, exitCode } = await program(host, ...args);
  expect(exitCode).toBe(1);
  return stderr;
}

function serve(host: DockerHost, ...options: string[]): Promise<string> {
  return host.ok(...RUN, ...options, "busybox", "sh", "-c", SERVE);
}

/** What a client on the host is given at this port. */
async function get(host: DockerHost, port: number): Promise<string> {
  const url = `http://127.0.0.1:${port}/`;
  const client = ["timeout", "3", "busybox", "wget", "-q", "-O", "-", url];
  const { stdout } = await run([...inHostNetns(host.place), ...client]);
  return stdout.trim() || "nothing";
}

async function answers(host: DockerHost, port: number): Promise<void> {
  await expect.poll(() => get(host, port), { timeout: 15_000 }).toBe("hello");
}

async function rulesFor(host: DockerHost, port: number): Promise<number> {
  const rules = await readIptables(inHostNetns(host.place));
  return rules.filter(({ text }) => text.includes(`--dport ${port} `) && text.includes("DNAT"))
    .length;
}

/** A TCP connection to the port that stays open; `say` resolves when what was said has come back. */
async function openConnection(host: DockerHost, port: number) {
  const enter = `--net=/run/netns/${host.place.hostNetns}`;
  const nc = ["busybox", "nc", `${host.place.prefix}.1`, String(port)];
  const client = spawn("nsenter", [enter, ...nc], { stdio: ["pipe", "pipe", "ignore"] });
  const lines = createInterface(client.stdout);
  return {
    async say(text: string): Promise<void> {
      const heard = once(lines, "line", { signal: AbortSignal.timeout(5000) });
      client.stdin.write(`${text}\n`);
      expect(await heard).toEqual([text]);
    },
    end: () => void client.kill("SIGKILL"),
  };
}

describe("publish and unpublish", () => {
  test("leave a connection of another port open", async ({ host }) => {
    await serve(host, "--name", "web", "-p", "18100:80", "-p", "18101:81");
    await answers(host, 18_100);
    const connection = await openConnection(host, 18_101);
    try {
      await connection.say("before");
      expect(await cni(host, "publish", "web", "18102:80", "127.0.0.1:18103:80")).toBe(
        "80/tcp -> 0.0.0.0:18102\n80/tcp -> 127.0.0.1:18103",
      );
      await connection.say("with more ports");
      for (const port of [18_100, 18_102, 18_103]) await answers(host, port);
      await cni(host, "unpublish", "web", "18102", "18103:80");
      await connection.say("with fewer ports");
      expect(await get(host, 18_102)).toBe("nothing");
      await cni(host, "unpublish", "web", "18100");
      await connection.say("at the end");
      expect(await get(host, 18_100)).toBe("nothing");
      await cni(host, "check");
    } finally {
      connection.end();
    }
  });

  test("hold over restart, stop, heal and reboot, what -p gave too", async ({ host }) => {
    const id = (await serve(host, "--name", "web", "-p", "18100:80", "-p", "18101:81")).trim();
    await cni(host, "publish", "web", "18102-18104:80", "18105:80", "5353:53/udp");
    await cni(host, "unpublish", "web", "18101:81");
    const same = async (): Promise<void> => {
      for (const port of [18_100, 18_102, 18_105]) await answers(host, port);
      expect(await rulesFor(host, 18_101)).toBe(0);
      expect(await rulesFor(host, 5353)).toBe(1);
      await cni(host, "check");
    };
    await same();
    await host.ok("restart", "web");
    await same();
    await host.ok("stop", "web");
    await host.ok("start", "web");
    await same();
    await run([...inHostNetns(host.place), "iptables", "-t", "nat", "-F"]);
    await cni(host, "heal", "web");
    await same();
    await reboot(host);
    await host.start();
    await host.ok("start", id);
    await same();
  });

  test("change what a stopped container has at its start", async ({ host }) => {
    await serve(host, "--name", "web", "-p", "18100:80");
    await host.ok("stop", "web");
    await cni(host, "publish", "web", "18102:80");
    await cni(host, "unpublish", "web", "18100");
    expect(await rulesFor(host, 18_102)).toBe(0);
    await host.ok("start", "web");
    await answers(host, 18_102);
    expect(await get(host, 18_100)).toBe("nothing");
    await host.ok("stop", "web");
    await cni(host, "unpublish", "web", "18102");
    await host.ok("start", "web");
    expect(await rulesFor(host, 18_102)).toBe(0);
    await cni(host, "check");
    await cni(host, "publish", "web", "18100:80");
    await answers(host, 18_100);
  });

  test("name what is in the way before anything is changed", async ({ host }) => {
    await serve(host, "--name", "web", "-p", "18100:80");
    await serve(host, "--name", "other", "-p", "18101:80");
    const enter = `--net=/run/netns/${host.place.hostNetns}`;
    const listener = spawn("nsenter", [enter, "busybox", "nc", "-l", "-p", "18109"]);
    try {
      const listens = async (): Promise<string> =>
        (await run([...inHostNetns(host.place), "ss", "-Hltn", "sport = :18109"])).stdout;
      await expect.poll(listens).toContain("18109");
      expect(await refused(host, "publish", "web", "18109:80")).toMatch(
        /port 18109\/tcp of the host is taken by process/,
      );
    } finally {
      listener.kill("SIGKILL");
    }
    for (const [words, message] of [
      [["publish", "web", "18101:80"], /18101\/tcp of the host is taken by container other/],
      [["publish", "web", "18102:80", "18101:80"], /18101\/tcp of the host is taken/],
      [["publish", "web", "18100:81"], /18100\/tcp of the host is published by container web/],
      [["publish", "web", "18102:x"], /a port is a number/],
      [["unpublish", "web", "18101"], /web publishes no port 18101 .*18100:80\/tcp/],
      [["unpublish", "web", "18100/udp"], /web publishes no port 18100\/udp/],
    ] as const) {
      expect(await refused(host, ...words)).toMatch(message);
    }
    for (const port of [18_102, 18_109]) expect(await rulesFor(host, port)).toBe(0);
    await answers(host, 18_100);
    await cni(host, "check");
    await cni(host, "unpublish", "other", "18101");
    await cni(host, "publish", "web", "18101:80");
    await answers(host, 18_101);
  });

  test("undo what fails half way", async ({ host }) => {
    await serve(host, "--name", "web", "-p", "18100:80");
    await answers(host, 18_100);
    const script = `#!/bin/sh
input=$(cat)
case $CNI_COMMAND$input in ADD*18102*) echo '{"code":100,"msg":"no more ports"}'; exit 1 ;; esac
printf %s "$input" | exec "$(PATH=/opt/cni/bin:/usr/lib/cni command -v portmap)"
`;
    host.writePlugin("portmap", script);
    try {
      expect(await refused(host, "publish", "web", "18102:80")).toMatch(/no more ports/);
    } finally {
      await run(["rm", `${host.place.dir}/plugins/portmap`]);
    }
    await answers(host, 18_100);
    expect(await rulesFor(host, 18_102)).toBe(0);
    await cni(host, "check");
  });
});
