import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { dockerTest } from "../harness/fixture.ts";
import type { DockerHost } from "../harness/host.ts";
import { must } from "../harness/shell.ts";
import { program, recordPath } from "./program.ts";

const test = dockerTest();
const RUN = ["run", "--rm", "--runtime", "cni", "--net", "none", "busybox", "true"];

describe("a container has its network, and leaves nothing, where /run/netns", () => {
  test.for([
    ["is not there", "missing"],
    ["is not shared with other mount namespaces", "private"],
  ] as const)("%s", async ([, how]) => {
    const script = join(import.meta.dirname, "../../crash/life.ts");
    const unshare = ["unshare", "--net", "--mount", "--propagation", "private"];
    const seen = JSON.parse(await must([...unshare, process.execPath, script, how]));
    expect(seen).toEqual({ before: expect.any(String), after: seen.before, leaks: [] });
  });
});

describe("with a state folder that", () => {
  test.for([
    ["is full", "ENOSPC", fill, empty],
    [
      "is read-only",
      "EROFS",
      (host: DockerHost) => remount(host, "ro"),
      (host: DockerHost) => remount(host, "rw"),
    ],
  ] as const)(
    "%s a start says so and leaves nothing, and containers can be removed",
    async ([, errno, spoil, mend], { host, noLeaks }) => {
      await must(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", stateOf(host)]);
      try {
        const [running, stopped] = [await host.sleeper(), await host.sleeper()];
        const before = await host.interface(stopped);
        await host.ok("stop", stopped);
        await spoil(host);
        const refused = await host.docker(...RUN);
        expect(refused.exitCode).toBe(125);
        expect(refused.stderr).toContain(`: ${errno} (the state folder (state_dir) needs space`);
        await host.ok("rm", "-f", running);
        await mend(host);
        await host.ok("start", stopped);
        expect(await host.interface(stopped)).toEqual(before);
        await host.ok("rm", "-f", stopped);
        await program(host, "gc");
        expect(existsSync(recordPath(host, running))).toBe(false);
        await noLeaks();
      } finally {
        await must(["umount", "--lazy", stateOf(host)]);
      }
    },
  );
});

function stateOf({ place }: DockerHost): string {
  return join(place.dir, "state");
}

/** Leaves neither a block nor an inode. */
async function fill(host: DockerHost): Promise<void> {
  await must(["sh", "-c", 'cat /dev/zero >"$1/ballast" 2>/dev/null || true', "sh", stateOf(host)]);
  writeFileSync(join(stateOf(host), "probe"), "");
  rmSync(join(stateOf(host), "probe"));
}

async function empty(host: DockerHost): Promise<void> {
  rmSync(join(stateOf(host), "ballast"));
}

async function remount(host: DockerHost, how: "ro" | "rw"): Promise<void> {
  await must(["mount", "-o", `remount,${how}`, stateOf(host)]);
}
