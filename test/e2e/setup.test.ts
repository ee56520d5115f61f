import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { dockerArgv, dockerEnv } from "./harness/cli.ts";
import { REPOSITORY } from "./harness/config.ts";
import { privateFolder } from "./harness/daemon.ts";
import { dockerTest } from "./harness/fixture.ts";
import type { DockerHost } from "./harness/host.ts";
import { run, type CommandResult } from "./harness/shell.ts";
import { daemonPid } from "./harness/takedown.ts";

/** A host where docker-cni is not installed, in copies of its folders that nobody else sees. */
const test = dockerTest({ iptables: true, privateFolders: ["/etc", "/var", "/usr/local"] });

/** Runs a command as on the host that dockerd is on; where its socket is, daemon.json says. */
async function onHost({ place }: DockerHost, ...argv: string[]): Promise<CommandResult> {
  const env = dockerEnv(place);
  return run(["nsenter", "--mount", "--target", String(daemonPid(place)), ...argv], { env });
}

const cni = (host: DockerHost, ...args: string[]) =>
  onHost(host, join(REPOSITORY, "bin/docker-cni"), ...args);

const runtimes = async (host: DockerHost): Promise<string[]> =>
  Object.keys(JSON.parse(await host.ok("info", "--format", "{{json .Runtimes}}")));

describe("docker cni install", () => {
  test("a container runs after it, and after uninstall every byte is as before", async ({
    host,
    noLeaks,
  }) => {
    const { place } = host;
    const file = join(place.dir, "daemon.json");
    const { runtimes: _, ...others }: Record<string, unknown> = JSON.parse(
      readFileSync(file, "utf8"),
    );
    // No runtimes at all: dockerd goes on knowing those that it has once read.
    const text = JSON.stringify(others, null, "\t").replace("{\n", '{\n\t"labels": ["a=b"],\n');
    writeFileSync(file, text, { mode: 0o640 });
    const own = ["--name", "own", "--config-file", file];
    await onHost(host, "rm", "-rf", "/etc/cni/net.d", "/etc/docker/cni.yaml");

    const dry = await cni(host, "install", ...own, "--dry-run");
    expect(dry.stderr).toBe("");
    expect(dry.stdout).toMatch(/^\+\t\t"own": \{$/m);
    expect(readFileSync(file, "utf8")).toBe(text);

    const installed = await cni(host, "install", ...own, "--json");
    expect(installed.stderr).toBe("");
    expect(JSON.parse(installed.stdout)).toMatchObject({ reloaded: true, warnings: [] });
    expect(await runtimes(host)).toContain("own");
    const etc = privateFolder(place, "/etc");
    expect(existsSync(join(etc, "docker/cni.yaml"))).toBe(true);
    expect((await cni(host, "install", ...own)).stdout).toMatch(/as it is wanted; nothing to do/);

    // The plugin is where Docker's client looks for it.
    const help = await onHost(host, ...dockerArgv(place), "--help");
    expect(help.stdout).toMatch(/^ {2}cni\* /m);
    const flags = ["--runtime", "own", "--net", "none", "--stop-signal", "KILL"];
    const id = await host.ok("run", "-d", "--name", "web", ...flags, "busybox", "sleep", "60");
    expect((await host.interface(id)).address).toMatch(/^10\.203\./);

    const refused = await cni(host, "uninstall", "--config-file", file);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toMatch(/1 containers have the runtime own: web; nothing was changed/);
    await host.ok("rm", "-f", id);
    await noLeaks();

    const gone = await cni(host, "uninstall", "--config-file", file);
    expect(gone.stderr).toBe("");
    expect(gone.stdout).toMatch(/dockerd has read its file/);
    expect(readFileSync(file, "utf8")).toBe(text);
    expect(await runtimes(host)).not.toContain("own");
    const { stdout } = await onHost(host, "ls", place.dir, "/etc/docker", "/usr/local/lib/docker");
    expect(stdout).not.toMatch(/docker-cni-20|cli-plugins|cni\.yaml\n\n/);
  });

  test("as the default is the runtime of containers that name none, until uninstall", async ({
    host,
  }) => {
    const file = join(host.place.dir, "daemon.json");
    const before = readFileSync(file);
    await cni(host, "install", "--name", "own", "--default", "--config-file", file);
    const runtime = () => host.ok("info", "--format", "{{.DefaultRuntime}}");
    expect(await runtime()).toBe("own");
    await cni(host, "uninstall", "--config-file", file);
    expect(await runtime()).toBe("runc");
    expect(readFileSync(file)).toEqual(before);
  });

  test("that dockerd refuses is taken back, and tells so", async ({ host }) => {
    const { place } = host;
    const file = join(place.dir, "daemon.json");
    const before = readFileSync(file, "utf8");
    const text = before.replace("{", "{ // a comment, which Docker does not read");
    writeFileSync(file, text);
    const { exitCode, stderr } = await cni(host, "install", "--name", "own", "--config-file", file);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/dockerd (does not have the runtime "own"|--validate refuses)/);
    expect(readFileSync(file, "utf8")).toBe(text);
    writeFileSync(file, before);
    process.kill(daemonPid(place) ?? 0, "SIGHUP");
    expect(await runtimes(host)).not.toContain("own");
  });

  const hasPodman = existsSync("/usr/bin/podman");
  test.skipIf(!hasPodman)("of podman is a file that podman reads", async ({ host }) => {
    const installed = await cni(host, "install", "--engine", "podman");
    expect(installed).toMatchObject({ exitCode: 0, stderr: "" });
    const podman = await onHost(
      host,
      "podman",
      "--runtime",
      "cni",
      "info",
      "--format",
      "{{.Host.OCIRuntime.Path}}",
    );
    expect(podman.stdout).toBe(join(REPOSITORY, "bin/docker-cni"));
    const gone = await cni(host, "uninstall", "--engine", "podman");
    expect(gone).toMatchObject({ exitCode: 0, stderr: "" });
    const after = await onHost(host, "podman", "--runtime", "cni", "info");
    expect(after.exitCode).not.toBe(0);
  });
});
