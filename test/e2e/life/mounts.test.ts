import { describe, expect } from "vitest";
import { dockerTest } from "../harness/fixture.ts";
import { program, programJson } from "./program.ts";

/** With a folder of its own dockerd has a mount namespace of its own, as by MountFlags= of its unit. */
const test = dockerTest({ privateFolders: ["/etc"] });

describe("beside a dockerd in a mount namespace of its own the operator's shell", () => {
  test("finds a healthy container healthy, and leaves its interface alone", async ({ host }) => {
    const id = await host.sleeper();
    const index = () => host.ok("exec", id, "cat", "/sys/class/net/eth0/ifindex");
    const before = await index();
    for (const verb of ["check", "heal"]) {
      expect(await programJson(host, verb)).toMatchObject([{ id, health: "ok" }]);
    }
    expect(await index()).toBe(before);
    const { stdout } = await program(host, "inspect", id);
    expect(stdout).toMatch(/^Namespace: +\/run\/netns\/[0-9a-f]{12}$/m);
  });

  test("heals a broken one, with its address", async ({ host }) => {
    const id = await host.sleeper("--cap-add", "NET_ADMIN");
    const before = await host.interface(id);
    await host.ok("exec", id, "ip", "address", "flush", "dev", "eth0");
    expect(await programJson(host, "heal", id)).toMatchObject([{ health: "healed" }]);
    expect(await host.interface(id)).toEqual(before);
  });

  test("releases what is gone", async ({ host, noLeaks }) => {
    const id = await host.sleeper();
    await host.ok("stop", id);
    await host.ok("rm", id);
    expect(await program(host, "gc")).toMatchObject({ exitCode: 0 });
    await noLeaks();
  });
});
