import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { REPOSITORY } from "./harness/config.ts";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import { run, type CommandResult, waitFor } from "./harness/shell.ts";

const test = dockerTest();

function argv(host: DockerHost, ...args: string[]): string[] {
  const config = join(host.place.dir, "cni.yaml");
  return [join(REPOSITORY, "bin/docker-cni"), "cni", "--config", config, ...args];
}

function cni(host: DockerHost, ...args: string[]): Promise<CommandResult> {
  return run(argv(host, ...args));
}

interface Followed {
  lines: string[];
  child: ChildProcess;
}

/** Starts a command that goes on, and gathers its lines. */
function follow(host: DockerHost, ...args: string[]): Followed {
  const [command = "", ...rest] = argv(host, ...args);
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (more: string) => {
    const whole = `${text}${more}`.split("\n");
    text = whole.pop() ?? "";
    lines.push(...whole);
  });
  return { lines, child };
}

async function end({ child }: Followed): Promise<void> {
  child.kill("SIGTERM");
  if (child.exitCode === null && child.signalCode === null) {
    await new Promise((resolve) => child.once("close", resolve));
  }
}

interface Event {
  event: string;
  container: string;
  name: string | null;
  networks: { network: string; interface: string; addresses: string[]; mac: string }[];
  ports: { hostPort: number; containerPort: number }[];
  reason: string | null;
}

describe("docker cni exec", () => {
  test("runs a command of the host in the container's namespace, with its options and streams", async ({
    host,
  }) => {
    const id = await host.sleeper("--name", "web");
    const { address } = await host.interface(id);
    for (const word of ["web", id, id.slice(0, 6)]) {
      const { stdout, exitCode } = await cni(host, "exec", word, "ip", "-4", "-o", "address");
      expect(exitCode).toBe(0);
      expect(stdout).toContain(` ${address}/`);
    }
    // A command's own --help, --json and -- are its own.
    const echo = await cni(host, "exec", "web", "printf", "%s,", "--help", "--json", "--", "-n");
    expect(echo.stdout).toBe("--help,--json,--,-n,");
    expect((await cni(host, "exec", "web", "--", "printf", "x")).stdout).toBe("x");
    const fed = await run(argv(host, "exec", "web", "cat"), { input: "to the command\n" });
    expect(fed.stdout).toBe("to the command");
  });

  test.for([
    { words: ["sh", "-c", "exit 7"], status: 7 },
    { words: ["no-such-command"], status: 127 },
    { words: ["/etc/passwd"], status: 126 },
    { words: ["sh", "-c", "kill -KILL $$"], status: 137 },
  ])("gives the exit status of $words: $status", async ({ words, status }, { host }) => {
    await host.sleeper("--name", "web");
    expect((await cni(host, "exec", "web", ...words)).exitCode).toBe(status);
  });

  test("hands on signals", async ({ host }) => {
    await host.sleeper("--name", "web");
    const script = "trap 'echo got it; exit 9' TERM; echo ready; while :; do sleep 0.1; done";
    const followed = follow(host, "exec", "web", "sh", "-c", script);
    await waitFor("the command is ready", () => (followed.lines[0] ? true : undefined));
    followed.child.kill("SIGTERM");
    const status = await new Promise((resolve) => followed.child.once("close", resolve));
    expect({ status, lines: followed.lines }).toEqual({ status: 9, lines: ["ready", "got it"] });
  });

  test("works for a container that is stopped and kept, and tells of one that is not there", async ({
    host,
  }) => {
    const id = await host.sleeper("--name", "web");
    const { address } = await host.interface(id);
    await host.ok("stop", "-t", "0", "web");
    const { stdout } = await cni(host, "exec", "web", "ip", "-4", "-o", "address");
    expect(stdout).toContain(` ${address}/`);
    const unknown = await cni(host, "exec", "nobody", "true");
    expect(unknown).toMatchObject({ exitCode: 2, stdout: "" });
    expect(unknown.stderr).toContain('no container "nobody" has a network');
    expect((await cni(host, "exec", "web")).exitCode).toBe(2);
  });
});

describe("docker cni events", () => {
  test("follows a container's life as JSON, while the log is rotated", async ({ host }) => {
    const followed = follow(host, "events", "--json", "--filter", "container=web");
    const seen = (): Event[] => followed.lines.map((line): Event => JSON.parse(line));
    const next = (kind: string): Promise<Event> =>
      waitFor(`an event ${kind}`, () => {
        const last = seen().at(-1);
        return last?.event === kind ? last : undefined;
      });
    try {
      await waitFor(
        "the log",
        () => existsSync(join(host.place.dir, "docker-cni.log")) || undefined,
      );
      await new Promise((resolve) => setTimeout(resolve, 500));
      const id = await host.sleeper("--name", "web");
      const { address, mac } = await host.interface(id);
      const attach = await next("attach");
      expect(attach).toMatchObject({
        container: id,
        name: "web",
        networks: [{ network: host.place.network, interface: "eth0", mac }],
        reason: null,
      });
      expect(attach.networks[0]?.addresses).toEqual([expect.stringContaining(`${address}/`)]);
      renameSync(join(host.place.dir, "docker-cni.log"), join(host.place.dir, "docker-cni.log.1"));
      await host.ok("stop", "-t", "0", "web");
      expect((await next("keep")).networks[0]?.addresses).toEqual(attach.networks[0]?.addresses);
      await host.ok("start", "web");
      await next("attach");
      await cni(host, "exec", "web", "ip", "link", "delete", "eth0");
      await cni(host, "heal", "web");
      expect((await next("heal")).reason).toMatch(/eth0/);
      await host.ok("rm", "-f", "web");
      await next("detach");
      expect(seen().map(({ event }) => event)).toEqual([
        "attach",
        "keep",
        "attach",
        "heal",
        "detach",
      ]);
    } finally {
      await end(followed);
    }
    const past = await cni(
      host,
      "events",
      "--since",
      "5m",
      "--until",
      "0s",
      "--filter",
      "container=web",
    );
    expect(past.stdout).toMatch(/^\S+ attach web \([0-9a-f]{12}, e2e\d+ eth0 10\.\S+\)$/m);
  });

  test("tells why a start failed", async ({ host }) => {
    const network = "--label=cni.networks=no-such-network";
    await host.docker(
      "run",
      "--name",
      "bad",
      "--runtime",
      "cni",
      "--net",
      "none",
      network,
      "busybox",
    );
    const id = (await host.ok("inspect", "-f", "{{.Id}}", "bad")).trim();
    const { stdout } = await cni(
      host,
      "events",
      "--since=1m",
      "--until=0s",
      "--filter=event=fail",
      "--json",
    );
    const found = stdout.split("\n").map((line): Event => JSON.parse(line));
    const event = found.find(({ container }) => container === id);
    expect(event?.reason).toContain("no-such-network");
  });
});

describe("docker cni logs", () => {
  test("shows a container's lines, and follows them", async ({ host }) => {
    const followed = follow(host, "logs", "--follow", "--tail", "0");
    try {
      await new Promise((resolve) => setTimeout(resolve, 700));
      await host.sleeper("--name", "web");
      await waitFor(
        "a line",
        () => followed.lines.some((line) => / attached /.test(line)) || undefined,
      );
    } finally {
      await end(followed);
    }
    const { stdout, exitCode } = await cni(host, "logs", "web", "-n", "50");
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} {2}INFO {3}web {2}e2e\d+ bridge ADD {2}plugin done {2}\d+ ms$/m,
    );
    const { stdout: one } = await cni(host, "logs", "-n", "1", "--json");
    expect(JSON.parse(one)).toHaveProperty("msg");
  });
});
