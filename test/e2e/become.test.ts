import { expect } from "vitest";
import { dockerTest } from "./harness/fixture.ts";
import { program, programJson, recordPath } from "./life/program.ts";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const test = dockerTest();

test("a container of which no plugin is left to be run is made by a runtime that nobody waits for", async ({
  host,
}) => {
  const id = await host.sleeper();
  const { network } = host.place;
  expect(await program(host, "disconnect", id, network)).toMatchObject({ exitCode: 0 });
  await host.ok("stop", "-t", "0", id);
  await host.ok("start", id);
  const trace = await programJson<object>(host, "trace", id);
  expect(JSON.stringify(trace)).not.toContain('"runtime"');
  await host.ok("exec", id, "true");
  expect(readdirSync(join(recordPath(host, id), ".."))).not.toContain("making");
  expect(await program(host, "gc")).toMatchObject({ exitCode: 0 });
  expect(await programJson(host, "ls")).toMatchObject([{ state: "running" }]);
  await host.ok("rm", "--force", id);
});
