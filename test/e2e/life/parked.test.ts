import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { dockerTest } from "../harness/fixture.ts";
import { run } from "../harness/shell.ts";
import { inHostNetns } from "../harness/traces.ts";
import { program, programJson, recordPath } from "./program.ts";

const test = dockerTest({ config: { park_after: "1h" } });

test("a container that was stopped long ago has no namespace, and its address again at its start", async ({
  host,
}) => {
  const id = await host.sleeper();
  const before = await host.interface(id);
  await host.ok("stop", id);
  const netns = `/run/netns/${id.slice(0, 12)}`;
  const isThere = async (): Promise<boolean> =>
    (await run([...inHostNetns(host.place), "test", "-e", netns])).exitCode === 0;
  expect(await program(host, "gc")).toMatchObject({ exitCode: 0 });
  expect(await isThere()).toBe(true);
  // Of a boot long ago.
  writeFileSync(join(recordPath(host, id), "../stopped"), "another-boot 0\n");
  await run(["touch", "-d", "2 hours ago", join(recordPath(host, id), "../stopped")]);
  expect(await program(host, "gc")).toMatchObject({ exitCode: 0 });
  expect(await isThere()).toBe(false);
  expect(await programJson(host, "check", id)).toMatchObject([
    { health: "ok", reason: expect.stringContaining("parked") },
  ]);
  expect(await programJson(host, "ls")).toMatchObject([{ state: "kept" }]);
  expect(await program(host, "heal")).toMatchObject({ exitCode: 0 });
  expect(await isThere()).toBe(false);
  // No other one is given its address.
  const other = await host.interface(await host.sleeper());
  expect(other.address).not.toBe(before.address);
  await host.ok("start", id);
  expect(await host.interface(id)).toEqual(before);
  expect(await programJson(host, "check", id)).toMatchObject([{ health: "ok" }]);
});

test("on a bridge without a free port the one that was stopped the longest makes room", async ({
  host,
}) => {
  const first = await host.sleeper();
  const before = await host.interface(first);
  await host.ok("stop", first);
  const { bridge } = host.place;
  // In a group of their own, so that they go as one.
  const pair = `link add full&a group 77 master ${bridge} type veth peer name full&b group 77`;
  const fill = `seq 1 1023 | sed 's/.*/${pair}/' | ip -force -batch -`;
  const inNetns = (script: string): ReturnType<typeof run> =>
    run([...inHostNetns(host.place), "sh", "-c", script]);
  try {
    expect((await inNetns(fill)).stderr).toContain("Exchange full");
    const other = await host.sleeper();
    expect((await host.interface(other)).address).not.toBe(before.address);
    expect(await programJson(host, "check", first)).toMatchObject([
      { health: "ok", reason: expect.stringContaining("parked") },
    ]);
    await host.ok("rm", "--force", other);
  } finally {
    await inNetns("ip link delete group 77");
  }
  await host.ok("start", first);
  expect(await host.interface(first)).toEqual(before);
});
