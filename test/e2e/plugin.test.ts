import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { dockerEnv, socketPath } from "./harness/cli.ts";
import { REPOSITORY } from "./harness/config.ts";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import { run, type CommandResult } from "./harness/shell.ts";

const test = dockerTest();

/** Calls the docker command with docker-cni as its plugin, and without being told where the engine is. */
async function client({ place }: DockerHost, ...args: string[]): Promise<CommandResult> {
  const folder = join(place.dir, "docker-config");
  mkdirSync(join(folder, "cli-plugins"), { recursive: true });
  symlink(join(REPOSITORY, "bin/docker-cni"), join(folder, "cli-plugins/docker-cni"));
  return run(["/usr/bin/docker", ...args], { env: dockerEnv(place) });
}

function symlink(target: string, path: string): void {
  try {
    symlinkSync(target, path);
  } catch (error) {
    if (!String(error).includes("EEXIST")) throw error;
  }
}

describe("Docker's client", () => {
  test("lists the plugin in its help, and shows the plugin's own", async ({ host }) => {
    const { stdout } = await client(host, "--help");
    expect(stdout).toMatch(/^ {2}cni\* +CNI networks for plain Docker containers/m);
    for (const words of [["cni"], ["help", "cni"], ["cni", "--help"]]) {
      const help = await client(host, ...words);
      expect(help).toMatchObject({ exitCode: 0, stderr: "" });
      expect(help.stdout).toMatch(/^Usage: docker cni COMMAND\n/);
    }
    const mistyped = await client(host, "cni", "lss");
    expect(mistyped).toMatchObject({ exitCode: 2, stdout: "" });
    expect(mistyped.stderr).toMatch(/Did you mean ls/);
  });

  test("runs its commands with the configuration that they name", async ({ host }) => {
    const web = await host.sleeper("--name", "web");
    const own = ["--config", join(host.place.dir, "cni.yaml")];
    const { stdout, stderr } = await client(host, "cni", ...own, "ls");
    expect(stderr).toBe("");
    expect(stdout).toMatch(new RegExp(`^web +${web.slice(0, 12)} `, "m"));
    const completed = await client(host, "cni", ...own, "__complete", "inspect", "");
    expect(completed.stdout).toBe("web\trunning\n:4");
  });

  test.for([
    ["-H", (socket: string) => ["-H", socket]],
    ["--host=", (socket: string) => [`--host=${socket}`]],
  ] as const)("names the engine by %s", async ([, flags], { host }) => {
    const socket = `unix://${socketPath(host.place)}`;
    const { stdout } = await client(host, ...flags(socket), "cni", "version", "--json");
    const { engine }: { engine: { host: string; version: string } } = JSON.parse(stdout);
    expect(engine.host).toBe(socket);
    expect(engine.version).toBe(await host.ok("version", "--format", "{{.Server.Version}}"));
  });

  test("names the engine by a context", async ({ host }) => {
    const endpoint = `host=unix://${socketPath(host.place)}`;
    await client(host, "context", "create", "lab", "--docker", endpoint);
    const shown = await client(host, "-c", "lab", "cni", "version", "--format", "{{.Engine.Host}}");
    expect(shown.stdout).toBe(`unix://${socketPath(host.place)}`);
    await client(host, "context", "use", "lab");
    const used = await client(host, "cni", "version", "--format", "{{.Engine.ApiVersion}}");
    expect(used.stdout).toMatch(/^1\.\d+$/);
    await client(host, "context", "use", "default");
  });

  test("completes by the plugin, where it does so at all", async ({ host }) => {
    const { stdout } = await client(host, "__complete", "cni", "ins");
    const offered = stdout.split("\n").filter((line) => line.startsWith("inspect"));
    const asks = Number(
      (await host.ok("version", "--format", "{{.Client.Version}}")).split(".")[0],
    );
    expect(offered.length).toBe(asks >= 24 ? 1 : 0);
  });

  test("is told of an engine that is not there", async ({ host }) => {
    const { stdout } = await client(host, "-H", "unix:///nowhere.sock", "cni", "version");
    expect(stdout).toMatch(/no engine: cannot reach the Docker Engine at unix:\/\/\/nowhere\.sock/);
  });
});
