import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { dockerTest } from "../harness/fixture.ts";
import { waitFor } from "../harness/shell.ts";
import { program, recordPath } from "./program.ts";

const test = dockerTest();

describe("a container that was made before state_dir was changed", () => {
  test("is told why it cannot start, and starts when it is set back", async ({ host }) => {
    const id = await host.sleeper();
    const before = await host.interface(id);
    await host.ok("stop", id);
    const { dir } = host.place;
    host.writeConfig({ state_dir: join(dir, "state2") });
    try {
      const { exitCode, stderr } = await host.docker("start", id);
      expect(exitCode).toBe(1);
      expect(stderr).toContain(
        `made while state_dir was ${dir}/state, and state_dir is ${dir}/state2`,
      );
      expect(stderr).toContain(`set state_dir back to ${dir}/state`);
    } finally {
      host.writeConfig();
    }
    await host.ok("start", id);
    expect(await host.interface(id)).toEqual(before);
  });

  test.for([
    ["a kept one", []],
    ["one that keeps nothing", ["--label", "cni.keep=false"]],
  ] as const)("leaves nothing when it is removed: %s", async ([, options], { host, noLeaks }) => {
    const id = await host.sleeper(...options);
    host.writeConfig({ state_dir: join(host.place.dir, "state2") });
    try {
      await host.ok("rm", "-f", id);
      await waitFor("it is released", () => !existsSync(recordPath(host, id)) || undefined);
    } finally {
      host.writeConfig();
    }
    await noLeaks();
  });

  test("and is removed while it does not run, is released by gc with one that is made since", async ({
    host,
  }) => {
    const id = await host.sleeper();
    await host.ok("stop", id);
    host.writeConfig({ state_dir: join(host.place.dir, "state2") });
    try {
      const other = await host.sleeper();
      await host.ok("rm", id);
      expect(await program(host, "gc")).toMatchObject({ exitCode: 0 });
      expect(existsSync(recordPath(host, id))).toBe(false);
      expect(existsSync(host.netns(id))).toBe(false);
      await host.ok("rm", "-f", other);
      await waitFor("it is released", () => !existsSync(host.netns(other)) || undefined);
    } finally {
      host.writeConfig();
    }
  });
});
