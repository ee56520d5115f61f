import { cpSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { REPOSITORY } from "./harness/config.ts";
import { privateFolder } from "./harness/daemon.ts";
import { dockerTest } from "./harness/fixture.ts";
import type { Place } from "./harness/place.ts";
import { must } from "./harness/shell.ts";
import { daemonPid } from "./harness/takedown.ts";

/** An installation with every file where it is by default, in copies of /etc and /var that nobody else sees. */
const test = dockerTest({
  iptables: true,
  privateFolders: ["/etc", "/var"],
  runtimes: (place) => {
    const configuration = join(privateFolder(place, "/etc"), "docker");
    mkdirSync(configuration, { recursive: true });
    cpSync(join(REPOSITORY, "config/cni.yaml"), join(configuration, "cni.yaml"));
    const networks = join(privateFolder(place, "/etc"), "cni/net.d");
    mkdirSync(networks, { recursive: true });
    cpSync(join(REPOSITORY, "config/net.d"), networks, { recursive: true });
    return { short: { path: join(REPOSITORY, "bin/docker-cni") } };
  },
});

function inVar(place: Place, folder: string): string[] {
  const path = join(privateFolder(place, "/var"), folder);
  return existsSync(path) ? readdirSync(path) : [];
}

const RUNTIME = ["--runtime", "short", "--net", "none", "--stop-signal", "KILL"];

describe("docker-cni registered by its path alone", () => {
  test.for([
    ["the configuration and the network that it brings", false],
    ["no configuration file", true],
  ] as const)("works with %s", async ([, remove], { host, noLeaks }) => {
    const { place } = host;
    if (remove) {
      const inside = ["nsenter", "--mount", "--target", String(daemonPid(place))];
      await must([...inside, "rm", "/etc/docker/cni.yaml"]);
    }
    const id = await host.ok("run", "-d", ...RUNTIME, "busybox", "sleep", "3600");
    const before = await host.interface(id);
    expect(before.address).toMatch(/^10\.203\.(6[4-9]|7\d)\./);
    expect(inVar(place, "lib/docker-cni/sandboxes")).toEqual([id]);
    const gateway = "10.203.64.1";
    const pinged = await host.docker("exec", id, "ping", "-c", "1", "-W", "2", gateway);
    expect(pinged).toMatchObject({ exitCode: 0, stderr: "" });

    await host.ok("restart", id);
    expect(await host.interface(id)).toEqual(before);

    await host.ok("rm", "-f", id);
    await noLeaks();
    expect(inVar(place, "lib/docker-cni/sandboxes")).toEqual([]);
    expect(inVar(place, "lib/cni/networks/docker-cni")).not.toContain(before.address);
    expect(inVar(place, "log")).toContain("docker-cni.log");
  });
});
