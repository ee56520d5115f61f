import { expect } from "vitest";
import type { DockerHost } from "../harness/host.ts";
import { program } from "./program.ts";

export type Interfaces = Map<string, Awaited<ReturnType<DockerHost["interface"]>>>;

/** One that Docker starts again, one that it leaves stopped when it goes, and one that is stopped. */
export async function threeContainers(host: DockerHost): Promise<Interfaces> {
  const ids = [await host.sleeper("--restart=always"), await host.sleeper(), await host.sleeper()];
  const before: Interfaces = new Map();
  for (const id of ids) before.set(id, await host.interface(id));
  await host.ok("stop", ids[2] ?? "");
  return before;
}

export async function expectAsBefore(host: DockerHost, before: Interfaces): Promise<void> {
  expect(await program(host, "gc")).toMatchObject({ exitCode: 0 });
  for (const [id, link] of before) {
    if ((await host.inspect(id)).State.Status !== "running") await host.ok("start", id);
    expect(await host.interface(id)).toEqual(link);
  }
}
