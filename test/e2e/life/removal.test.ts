import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { defaultNetwork } from "../harness/config.ts";
import { dockerTest } from "../harness/fixture.ts";
import type { DockerHost } from "../harness/host.ts";
import { waitFor } from "../harness/shell.ts";
import { program, programJson, recordPath } from "./program.ts";

const test = dockerTest();
const NETWORK = "10-default.conflist";

interface GcJson {
  containers: { id: string; outcome: string; reason?: string }[];
}

describe("docker rm -f ends at once and well, and gc finishes when it can, where at DEL a plugin", () => {
  test.for([
    ["fails", "echo out of luck >&2; exit 1"],
    ["hangs", "sleep 600"],
    ["crashes", "kill -SEGV $$"],
    ["prints garbage and fails", "echo garbage; exit 1"],
  ] as const)("%s", async ([, script], { host, noLeaks }) => {
    addPlugin(host, `[ "$CNI_COMMAND" = DEL ] || { cat; exit 0; }\n${script}`);
    host.writeConfig({ plugin_timeout: "2s" });
    try {
      const id = await host.sleeper();
      const start = Date.now();
      await host.ok("rm", "-f", id);
      expect(Date.now() - start).toBeLessThan(5000);
      addPlugin(host, "cat");
      await program(host, "gc", "--container", id);
      await noLeaks();
    } finally {
      host.writeConfig();
      mend(host);
    }
  });

  test("is missing, and the network's file too", async ({ host, noLeaks }) => {
    addPlugin(host, '[ "$CNI_COMMAND" = DEL ] || cat');
    const id = await host.sleeper();
    host.removeNetwork(NETWORK);
    removePlugin(host);
    try {
      await host.ok("rm", "-f", id);
      await waitFor("it failed", async () => {
        const { containers } = await programJson<GcJson>(host, "gc", "--background");
        return containers.some(({ outcome }) => outcome === "waiting") || undefined;
      });
      const tried = await programJson<GcJson>(host, "gc");
      expect(tried.containers).toEqual([
        { id, name: expect.any(String), outcome: "failed", reason: expect.stringMatching(/"odd"/) },
      ]);
      const { stdout } = await program(host, "ls");
      expect(stdout).toContain(`docker-cni gc --forget ${id.slice(0, 12)}`);
      expect(await program(host, "gc", "--forget", id.slice(0, 6))).toMatchObject({ exitCode: 0 });
      await noLeaks();
    } finally {
      mend(host);
    }
  });
});

test("a container that exists cannot be forgotten", async ({ host }) => {
  const id = await host.sleeper();
  await host.ok("stop", id);
  const refused = await program(host, "gc", "--forget", id);
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain("is still there (remove it first)");
  expect(existsSync(recordPath(host, id))).toBe(true);
});

test("a removed container leaves nothing within two seconds of docker rm -f", async ({ host }) => {
  const id = await host.sleeper();
  await host.ok("rm", "-f", id);
  await waitFor("its record is gone", () => !existsSync(recordPath(host, id)) || undefined, 2000);
});

describe("a stopped container that is removed is collected in the background", () => {
  test("after a create", async ({ host }) => {
    const id = await host.sleeper();
    await host.ok("stop", id);
    await new Promise((resolve) => setTimeout(resolve, 6000));
    await host.ok("rm", id);
    expect(existsSync(recordPath(host, id))).toBe(true);
    await host.sleeper();
    await waitFor("it is collected", () => !existsSync(recordPath(host, id)) || undefined);
  });

  test("after a delete", async ({ host }) => {
    const [id, other] = [await host.sleeper(), await host.sleeper()];
    await host.ok("stop", id);
    await new Promise((resolve) => setTimeout(resolve, 6000));
    await host.ok("rm", id);
    expect(existsSync(recordPath(host, id))).toBe(true);
    await host.ok("rm", "-f", other);
    await waitFor("it is collected", () => !existsSync(recordPath(host, id)) || undefined);
  });
});

/** Puts the plugin `odd` at the end of the default network's chain. */
function addPlugin(host: DockerHost, script: string): void {
  const network = defaultNetwork(host.place);
  host.writePlugin("odd", `#!/bin/sh\n${script.replaceAll("cat", PREVIOUS)}\n`);
  host.writeNetwork(NETWORK, { ...network, plugins: [...network.plugins, { type: "odd" }] });
}

/** Prints the previous plugin's result on ADD, as a plugin that adds nothing does. */
const PREVIOUS = `${process.execPath} -e 'let s = ""; process.stdin.on("data", (d) => (s += d)).on("end", () => console.log(JSON.stringify(JSON.parse(s).prevResult ?? {})))'`;

function removePlugin({ place }: DockerHost): void {
  rmSync(join(place.dir, "plugins/odd"), { force: true });
}

function mend(host: DockerHost): void {
  host.writeNetwork(NETWORK, defaultNetwork(host.place));
}
