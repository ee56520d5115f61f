import { join } from "node:path";
import { readdirSync, rmSync } from "node:fs";
import { describe, expect } from "vitest";
import { dockerTest } from "../harness/fixture.ts";
import { waitFor } from "../harness/shell.ts";
import { killDaemon } from "./power.ts";
import { program } from "./program.ts";

const test = dockerTest();
const RUN = ["run", "-d", "--runtime", "cni", "--net", "none", "-p", "18085:80"];
const SLOW = `#!/bin/sh
[ "$CNI_COMMAND" = ADD ] && sleep 4
PATH=/opt/cni/bin:/usr/lib/cni:$PATH exec bridge
`;

describe("in the middle of a slow start", () => {
  test.for(["docker rm -f", "the end of dockerd", "a restart of dockerd"])(
    "%s leaves neither a process nor a network",
    async (what, { host, noLeaks }) => {
      const { place } = host;
      host.writePlugin("bridge", SLOW);
      const known = (): string[] => readdirSync(join(place.dir, "exec/runtime-runc/moby"));
      try {
        const started = host.docker(...RUN, "--rm", "--name", "slow", "busybox", "sleep", "600");
        await waitFor("the network is being made", async () => {
          const { stdout } = await program(host, "ls");
          return stdout.includes("creating") || undefined;
        });
        if (what === "docker rm -f") await host.ok("rm", "-f", "slow");
        else if (what === "a restart of dockerd") await host.restart();
        else {
          await killDaemon(host);
          await host.start();
        }
        await started;
        await waitFor("Docker has forgotten it", async () =>
          (await host.ok("ps", "-aq")) === "" ? true : undefined,
        );
      } finally {
        rmSync(join(place.dir, "plugins/bridge"));
      }
      await waitFor("it is released", async () => {
        await program(host, "gc");
        const { stdout } = await program(host, "ls");
        return stdout.trim().split("\n").length <= 1 || undefined;
      });
      // Its runtime is told behind that.
      await expect.poll(known, { timeout: 5000 }).toEqual([]);
      await noLeaks();
    },
  );
});
