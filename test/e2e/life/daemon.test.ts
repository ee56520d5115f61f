import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { dockerTest } from "../harness/fixture.ts";
import { listProcesses, signal } from "../harness/processes.ts";
import { waitFor } from "../harness/shell.ts";
import { program } from "./program.ts";
import { expectAsBefore, type Interfaces, threeContainers } from "./three.ts";
import { killAll, killDaemon, reboot } from "./power.ts";

const test = dockerTest();

describe("containers have their addresses and MACs again after", () => {
  test("kill -9 of dockerd, and stopped ones keep theirs", async ({ host }) => {
    const before = await threeContainers(host);
    await killDaemon(host);
    await host.start();
    await expectAsBefore(host, before);
  });

  test("a restart of dockerd", async ({ host }) => {
    const before = await threeContainers(host);
    await host.restart();
    await expectAsBefore(host, before);
  });

  test("kill -9 of all processes", async ({ host }) => {
    const before = await threeContainers(host);
    await killAll(host);
    await host.start();
    await expectAsBefore(host, before);
  });

  test.for([
    ["a reboot", false],
    ["a reboot that the leases do not outlive", true],
  ] as const)("%s, and others that start first do not get them", async ([, areLost], { host }) => {
    const before = await threeContainers(host);
    await reboot(host);
    if (areLost) rmSync(join(host.place.dir, "leases"), { recursive: true });
    expect(await program(host, "gc")).toMatchObject({ exitCode: 0 });
    await host.start();
    const others = await Promise.all([host.sleeper(), host.sleeper()]);
    const taken = await Promise.all(others.map((id) => host.interface(id)));
    for (const { address } of taken) {
      expect([...before.values()].map((link) => link.address)).not.toContain(address);
    }
    await expectAsBefore(host, before);
  });

  test("a reboot, many at once, with plugins that take longer together than one is waited for", async ({
    host,
  }) => {
    const before: Interfaces = new Map();
    for (let count = 0; count < 12; count++) {
      const id = await host.sleeper("--restart=always");
      before.set(id, await host.interface(id));
    }
    await reboot(host);
    const slow = `#!/bin/sh\nsleep 0.6\nPATH=/opt/cni/bin:/usr/lib/cni:$PATH exec bridge\n`;
    host.writePlugin("bridge", slow);
    host.writeConfig({ lock_timeout: "6s" });
    try {
      await host.start();
      for (const [id, link] of before) {
        await waitFor(
          "Docker has started it",
          async () => (await host.inspect(id)).State.Status === "running" || undefined,
        );
        expect(await host.interface(id)).toEqual(link);
      }
    } finally {
      host.writeConfig();
      rmSync(join(host.place.dir, "plugins/bridge"));
    }
  });

  test("kill -9 of a shim", async ({ host }) => {
    const before = await threeContainers(host);
    const [id = ""] = before.keys();
    const shim = listProcesses().find(
      ({ command }) => command.includes("containerd-shim") && command.includes(id),
    );
    signal(shim?.pid ?? 0, "SIGKILL");
    await waitFor("Docker has it started again", async () => {
      const { State, RestartCount } = await host.inspect(id);
      return (State.Status === "running" && RestartCount > 0) || undefined;
    });
    await expectAsBefore(host, before);
  });
});
