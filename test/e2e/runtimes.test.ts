import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { REPOSITORY } from "./harness/config.ts";
import { dockerTest } from "./harness/fixture.ts";
import { must } from "./harness/shell.ts";
import { inHostNetns, runtimeNotes } from "./harness/traces.ts";

const LAUNCHER = join(REPOSITORY, "bin/docker-cni");

/** The low-level runtime is named by the configuration alone; `go`: registered as the Go docker-cni was. */
const test = dockerTest({
  iptables: true,
  dockerBridge: true,
  runtimes: ({ dir }) => ({
    chosen: { path: LAUNCHER, runtimeArgs: ["--config", join(dir, "cni.yaml"), "--"] },
    go: { path: LAUNCHER, runtimeArgs: ["oci", "--config", join(dir, "cni.yaml"), "--"] },
  }),
});

describe("a container whose runtime is no longer the one that is configured", () => {
  test.for(["none", "bridge"])(
    "on --net %s is used, stopped and removed by it",
    async (net, { host }) => {
      const { place } = host;
      const runtime = join(place.dir, "runc-of-yesterday");
      const calls = `${runtime}.calls`;
      writeFileSync(runtime, `#!/bin/sh\necho "$*" >>${calls}\nexec runc "$@"\n`, { mode: 0o755 });
      host.writeConfig({ oci_bin: runtime });
      const run = [
        "run",
        "-d",
        "--rm",
        "--runtime",
        "chosen",
        "--net",
        net,
        "--stop-signal",
        "KILL",
      ];
      const id = await host.ok(...run, "busybox", "sleep", "3600");
      host.writeConfig({ oci_bin: "/no/such/runtime" });
      expect(await host.ok("exec", id, "echo", "hello")).toBe("hello");
      await must([...inHostNetns(place), LAUNCHER, "--config", join(place.dir, "cni.yaml"), "gc"]);
      expect(await host.ok("exec", id, "ip", "-o", "address", "show", "eth0")).toMatch(/inet /);
      expect(runtimeNotes(place)).toHaveLength(1);
      await host.ok("stop", id);
      await expect.poll(() => runtimeNotes(place), { timeout: 5000 }).toEqual([]);
      for (const verb of ["create", "start", "exec", "kill", "delete"]) {
        expect(readFileSync(calls, "utf8")).toMatch(new RegExp(`\\b${verb} `));
      }
    },
  );
});

test("registered as the Go docker-cni was, a container has its network, over a restart too", async ({
  host,
}) => {
  host.writeConfig({});
  const run = ["run", "-d", "--runtime", "go", "--net", "none", "--stop-signal", "KILL"];
  const id = await host.ok(...run, "busybox", "sleep", "3600");
  const address = (): Promise<string> =>
    host.ok("exec", id, "ip", "-o", "-4", "address", "show", "eth0");
  const before = await address();
  expect(before).toMatch(/inet /);
  await host.ok("restart", id);
  expect(await address()).toBe(before);
  await host.ok("rm", "-f", id);
});
